import Glibc

extension StreamSocket {
  /// Sends in the order of the calls; resumes `waiter` with 0 once the kernel has taken everything.
  @inline(__always)
  func send(_ payload: Payload, _ waiter: Waiter) {
    loop.assertIsCurrent()
    if let refusal { return waiter.resume(refusal) }
    if waiter.isCancelled { return waiter.resume(-ECANCELED) }
    if self.payload == nil {
      startSend(payload, waiter)
    } else {
      enqueue(SendRequest(payload: payload, waiter: waiter))
    }
  }

  @inline(__always)
  private func startSend(_ payload: Payload, _ waiter: Waiter) {
    self.payload = payload
    sending = OneShot(id: submit(payload), waiter: waiter)
  }

  @inline(__always)
  private func submit(_ payload: Payload) -> OperationID {
    if let observer, let count = payload.count { observer.sendSubmitted(count) }
    return start(payload.operation(on: descriptor))
  }

  func sent(_ result: Int32) {
    let result = noteCut(result)
    if result >= 0 && payload!.advance(by: Int(result)) { return finishSend(0) }
    // What is left after a short send goes the way of an interrupted one: on, unless it was cancelled.
    guard let outcome = outcome(result < 0 ? result : -EAGAIN, of: sending) else {
      sending.id = submit(payload!)
      return
    }
    finishSend(outcome)
  }

  private func finishSend(_ result: Int32) {
    payload = nil
    if receivesAfterSend {
      finishExchange(result)
    } else {
      sending.waiter.take()?.resume(result)
    }
    if let next = sendQueue?.popFirst() { startSend(next.payload, next.waiter) }
  }

  @inline(never)
  private func enqueue(_ request: SendRequest) {
    if sendQueue == nil { sendQueue = SendQueue() }
    sendQueue?.append(request)
  }

  // MARK: Exchanging

  // A task that sends and then waits for bytes has nothing to do in between: if its send needs an operation, it sleeps through
  // that operation's end and is resumed once, when there are bytes.

  /// Taken off the result of an exchange whose send failed, to tell that from a failed receive: no errno is as large.
  static let sendFailure: Int32 = 4096

  /// Whether an exchange could begin with its send now. Otherwise it is a send and a receive, one after the other.
  @inline(__always)
  var mayExchange: Bool { payload == nil && observer == nil && refusal == nil && !isOwnerCancelled }

  /// Takes over the chunk that the next exchange sends from.
  ///
  /// It goes back when the kernel has its bytes, not when the next ones come: who waits for those, perhaps for hours, holds no
  /// buffer.
  func hold(_ chunk: consuming Chunk) {
    loop.assertIsCurrent()
    sentChunk = consume chunk
  }

  /// Sends `bytes`, if any are left to send, and then waits for bytes as `awaitBytes` does, both for the same waiter.
  ///
  /// A failed send resumes it with its -errno less `sendFailure`. `mayExchange` has to be true.
  @inline(__always)
  func exchange(_ bytes: UnsafeRawBufferPointer, _ waiter: Waiter) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return awaitBytes(waiter) }
    loop.jobWatch?.noteCaller()
    receivesAfterSend = true
    startSend(.bytes(base, bytes.count), waiter)
  }

  @inline(never)
  private func finishExchange(_ result: Int32) {
    receivesAfterSend = false
    sentChunk = nil
    guard let waiter = sending.waiter.take() else { return }
    if result < 0 { return waiter.resume(result - StreamSocket.sendFailure) }
    if isOwnerCancelled { return waiter.resume(-ECANCELED) }
    waitForBytes(waiter)
  }

  // MARK: Sending at once

  private static let sendsBeforeInstalling: UInt8 = 8
  /// Bytes: copying more takes so long that what a call costs does not matter.
  private static let mostAtOnce = 16384

  /// Sends on behalf of the running task, without suspending it, if that is all that its loop has to do.
  ///
  /// An operation for this one send would cost a call of the kernel of its own: the send completes within it, so that the
  /// loop returns from it at once, resumes the task, and enters the kernel a second time to sleep. With other
  /// work at hand operations are cheaper, since they share one call.
  ///
  /// - Returns: the number of bytes that the kernel took, or -errno; `nil` if there has to be an operation.
  @inline(__always)
  func sendAtOnce(_ address: UnsafeRawPointer, _ count: Int) -> Int32? {
    guard count <= StreamSocket.mostAtOnce, loop.takeImmediateCall() else { return nil }
    return sendAlone(address, count)
  }

  private func sendAlone(_ address: UnsafeRawPointer, _ count: Int) -> Int32? {
    loop.assertIsCurrent()
    guard payload == nil, observer == nil, refusal == nil, hasSendNumber() else { return nil }
    let result = loop.driver.sendNow(sendNumber, address, count)
    return result == -EAGAIN ? nil : noteCut(result)
  }

  /// Whether there is an ordinary descriptor. A direct one gets one beside it when that has been missed a few times.
  private func hasSendNumber() -> Bool {
    if sendNumber >= 0 { return true }
    guard missedSends < 2 * StreamSocket.sendsBeforeInstalling else { return false }
    missedSends += 1
    guard missedSends >= StreamSocket.sendsBeforeInstalling else { return false }
    if let number = try? ordinary.use({ $0 }) {
      // This thread alone closes it: the number is this socket's for as long as the phase is `open`.
      sendNumber = number
    } else if missedSends == StreamSocket.sendsBeforeInstalling {
      installForSending()
    }
    return sendNumber >= 0
  }

  private func installForSending() {
    guard loop.installedForSending < EventLoop.mostInstalledForSending else { return }
    loop.installedForSending += 1
    isInstalledForSending = true
    installOrdinary()
  }
}
