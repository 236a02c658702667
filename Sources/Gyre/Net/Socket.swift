import Glibc

// @unchecked: every member is touched on the loop's thread alone, where `EventLoop.perform` and `LoopBound` bring the
// callers, and which `start` and the completions assert; what other threads read is immutable or atomic.
/// A descriptor and the operations in flight on it: what a listener and a connection have in common.
///
/// Closing is a protocol. `close` requests the end of everything in flight, and the descriptor is closed when the last
/// terminal completion is in: the kernel keeps accepting and receiving on a descriptor that was merely closed, and its
/// number could belong to somebody else by then.
class Socket: OperationTarget, @unchecked Sendable {
  let loop: EventLoop
  let descriptor: Descriptor
  /// This descriptor, or the one beside a direct descriptor, installed when it was first needed. For any thread.
  let ordinary: OrdinaryDescriptor
  private var installWaiters: [(_ result: Int32) -> Void] = []
  private var closeWaiters: [UnsafeContinuation<Void, Never>] = []
  private var departure: UnsafeContinuation<Result<DepartingSocket, Errno>, Never>?
  private(set) var phase = Phase.open
  private var isInstalling = false
  /// Whether closing is to reset the connection instead of ending it.
  private var resets = false

  enum Phase {
    case open
    /// Going to another loop: waiting for terminal completions, and keeping what they bring.
    case leaving
    /// Waiting for terminal completions.
    case closing
    case closed
  }

  init(loop: EventLoop, descriptor: Descriptor) {
    self.loop = loop
    self.descriptor = descriptor
    ordinary = OrdinaryDescriptor(descriptor)
  }

  // MARK: Operations

  @inline(__always)
  final func start(_ operation: Operation) -> OperationID {
    loop.assertIsCurrent()
    return loop.start(operation, for: self)
  }

  final override func operationCompleted(_ role: OperationRole, _ completion: Completion) {
    loop.assertIsCurrent()
    switch role {
    case .close: finishClose()
    case .install: finishInstall(completion.result)
    default: completed(role, completion)
    }
    if operationsInFlight == 0 { finishPhase() }
  }

  private func finishPhase() {
    switch phase {
    case .closing: closeDescriptor()
    case .leaving: finishLeaving()
    case .open, .closed: break
    }
  }

  /// Why no operation can start now, as -errno.
  final var refusal: Int32? {
    if phase != .open { return -EBADF }
    return loop.isStopping ? -ESHUTDOWN : nil
  }

  // For subclasses: a completion; the request to cancel everything and resume every waiter with `result`; the end.
  func completed(_ role: OperationRole, _ completion: Completion) {}
  func cancelEverything(_ result: Int32) {}
  /// What is still given out although the descriptor may be closed is of no use any more.
  func discard() {}
  func closed() {}

  // For subclasses: whether a task waits in an operation, and what goes along to another loop.
  var isAwaited: Bool { false }
  func depart(with number: Int32) -> DepartingSocket { DepartingSocket(number: number) }

  final override func loopStops() {
    resumeInstallWaiters(-ECANCELED)
    cancelEverything(-ECANCELED)
  }

  // MARK: The ordinary descriptor

  /// Calls `body` with a descriptor that socket options can be asked of, and resumes `waiter` with 0.
  ///
  /// The descriptor is this socket's and closes with it. So it is used here and now: by the time that `waiter` runs, the
  /// number could be somebody else's.
  final func useOrdinary(_ waiter: Waiter, _ body: @escaping @Sendable (Int32) -> Void) {
    ensureOrdinary { result in
      guard result == 0 else { return waiter.resume(result) }
      // It was there a moment ago, on this thread.
      let isUsed = (try? self.ordinary.use(body)) != nil
      waiter.resume(isUsed ? 0 : -EBADF)
    }
  }

  /// Calls `body` with 0 once there is an ordinary descriptor, or with -errno.
  final func ensureOrdinary(_ body: @escaping (_ result: Int32) -> Void) {
    if let refusal { return body(refusal) }
    if (try? ordinary.use { _ in }) != nil { return body(0) }
    installWaiters.append(body)
    installOrdinary()
  }

  /// Has an ordinary descriptor made beside a direct one, which must not have one yet; nobody waits for it.
  final func installOrdinary() {
    guard !isInstalling else { return }
    isInstalling = true
    _ = start(.install(descriptor))
  }

  private func finishInstall(_ result: Int32) {
    isInstalling = false
    if result >= 0 { ordinary.install(result) }
    resumeInstallWaiters(phase == .open ? min(result, 0) : -EBADF)
  }

  private func resumeInstallWaiters(_ result: Int32) {
    let waiters = installWaiters
    installWaiters = []
    for waiter in waiters { waiter(result) }
  }

  // MARK: Leaving the loop

  /// Cancels what is in flight, waits for it, and lets go of the descriptor, which has to be an ordinary one or to have
  /// one installed. Not cancellable: what it waits for comes soon.
  ///
  /// - Returns: what the socket was, or `EBUSY` if a task waits in an operation: then it stays as it is.
  final func leave() async -> Result<DepartingSocket, Errno> {
    let result = await withUnsafeContinuation {
      (continuation: UnsafeContinuation<Result<DepartingSocket, Errno>, Never>) in
      if !loop.perform({ self.beginLeaving(continuation) }) { continuation.resume(returning: .failure(.shutDown)) }
    }
    noteResumed()
    return result
  }

  private func beginLeaving(_ continuation: UnsafeContinuation<Result<DepartingSocket, Errno>, Never>) {
    if let refusal { return continuation.resume(returning: .failure(Errno(rawValue: -refusal))) }
    if isAwaited || !installWaiters.isEmpty { return continuation.resume(returning: .failure(.busy)) }
    departure = continuation
    phase = .leaving
    cancelEverything(-EBADF)
    if operationsInFlight == 0 { finishPhase() }
  }

  private func finishLeaving() {
    guard let departure = departure.take() else { return }
    guard case (true, let number?) = ordinary.release() else { return departure.resume(returning: .failure(.shutDown)) }
    if descriptor.isDirect {
      // The file lives on in the ordinary descriptor.
      _ = start(.close(descriptor))
    } else {
      loop.driver.forget(descriptor)
      finishClose()
    }
    departure.resume(returning: .success(depart(with: number)))
  }

  // MARK: Closing

  /// Closes the descriptor once nothing is in flight, and resumes nobody: what the subclass holds remains usable.
  final func closeDescriptorOnly() {
    guard phase == .open else { return }
    phase = .closing
    if operationsInFlight == 0 { finishPhase() }
  }

  /// Closes from any thread and returns at once.
  final func abandon() {
    if !loop.perform({ self.beginClose(nil) }) { closeAfterLoop() }
  }

  /// Closes, and returns when the descriptor is closed. Not cancellable: what it waits for comes soon.
  ///
  /// - Parameter resetting: whether the peer is to see a reset, also if it has sent nothing that was left unread.
  final func close(resetting: Bool = false) async {
    await withUnsafeContinuation { continuation in
      let isTaken = loop.perform {
        if resetting && self.phase == .open { self.resets = true }
        self.beginClose(continuation)
      }
      if isTaken { return }
      closeAfterLoop(resetting: resetting)
      continuation.resume()
    }
    noteResumed()
  }

  private func beginClose(_ continuation: UnsafeContinuation<Void, Never>?) {
    discard()
    if phase == .closed {
      continuation?.resume()
      return
    }
    if let continuation { closeWaiters.append(continuation) }
    guard phase == .open else { return }
    phase = .closing
    cancelEverything(-EBADF)
    if operationsInFlight == 0 { finishPhase() }
  }

  private func closeDescriptor() {
    if resets {
      resets = false
      // Its completion leads here again. Nothing else is in flight, so no receive can take the reset for its own.
      _ = start(.connect(descriptor, Socket.nobody, socklen_t(MemoryLayout<sockaddr>.size)))
      return
    }
    // After the loop's end somebody else may have closed it. Nobody uses the number from here on.
    let (isFirst, number) = ordinary.release()
    guard isFirst else { return }
    if let number, descriptor.isDirect { Glibc.close(number) }
    _ = start(.close(descriptor))
  }

  private func finishClose() {
    phase = .closed
    closed()
    let waiters = closeWaiters
    closeWaiters = []
    for waiter in waiters { waiter.resume() }
  }

  /// The loop has drained, so nothing is in flight; direct descriptors went with its ring.
  private func closeAfterLoop(resetting: Bool = false) {
    guard let number = ordinary.release().number else { return }
    if resetting { _ = Glibc.connect(number, Socket.nobody, socklen_t(MemoryLayout<sockaddr>.size)) }
    Glibc.close(number)
  }

  /// `AF_UNSPEC`: connecting to it dissolves a connection, by a reset. Needs no descriptor beside a direct one, as
  /// `SO_LINGER` would. `connect(2)`
  ///
  /// Never written again and never freed, so the kernel may read it whenever it likes.
  nonisolated(unsafe) private static let nobody: UnsafePointer<sockaddr> = {
    let address = UnsafeMutablePointer<sockaddr>.allocate(capacity: 1)
    address.initialize(to: sockaddr())
    return UnsafePointer(address)
  }()
}
