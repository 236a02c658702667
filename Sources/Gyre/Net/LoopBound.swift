import Glibc

// @unchecked: `value` is handed out on its loop's thread alone. `ifCurrent` looks, and `assertIsCurrent` stands in what it is
// handed to.
/// A socket as tasks hold it: its loop's thread owns it, and a task may be on any thread.
///
/// Where a task runs can change at every suspension. A job of a default actor runs on whichever thread drains that actor at
/// the moment, and a task that a loop resumed goes on there, whatever executor it prefers. So what a task saw before an
/// `await` says nothing about where it is after it. That is why async code has no socket but only this: it reaches the
/// socket in closures that cannot suspend, and each of them asks first. `suspend` is the one place where a task goes to
/// sleep on a socket as its scope's owner; what it comes back with is a result, and no right to the socket.
struct LoopBound<Value: Socket>: @unchecked Sendable {
  private let value: Value

  init(_ value: Value) { self.value = value }

  /// The loop that owns the socket.
  @inline(__always)
  var loop: EventLoop { value.loop }

  // MARK: On the loop's thread

  /// Calls `body` with the socket if the calling code is on its loop's thread; otherwise returns `nil`.
  @inline(__always)
  func ifCurrent<Result: ~Copyable>(_ body: (Value) throws -> Result) rethrows -> Result? {
    guard value.loop.isCurrent else { return nil }
    return try body(value)
  }

  /// Suspends the calling task until `begin` or what it has started resumes it.
  ///
  /// - Returns: what it was resumed with; the task may be on another thread now. `nil`, without having suspended, if the
  ///   calling code is not on the loop's thread.
  @inline(__always)
  func suspend(_ begin: (Value, SuspendedTask) -> Void) async -> Int32? {
    guard value.loop.isCurrent else { return nil }
    return await EventLoop.suspend { begin(value, $0) }
  }

  /// The socket, for code that is on the loop's thread for a reason of its own, and does not suspend.
  var onLoop: Value {
    value.loop.assertIsCurrent()
    return value
  }

  // MARK: From any thread

  /// Calls `body` with the socket on its loop's thread: now if this is it. False if the loop has ended.
  @discardableResult
  func perform(_ body: @escaping @Sendable (Value) -> Void) -> Bool {
    value.loop.perform { body(value) }
  }

  /// Suspends the calling task, which may be anywhere, until `begin` or what it has started resumes it. Cancelling the task
  /// has the loop call `cancel`.
  ///
  /// What is refused, or there already, comes back without suspending. A task that calls again and again lets others run
  /// now and then all the same.
  /// - Returns: what it was resumed with, or `-ESHUTDOWN` if the loop has ended.
  func call(
    _ call: Call,
    _ begin: @escaping @Sendable (Value, Waiter) -> Void,
    cancel: @escaping @Sendable (Value) -> Void
  ) async -> Int32 {
    if ifCurrent({ !$0.loop.takeImmediateAnswer() }) == true { await loop.letOthersRun() }
    let result = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        if !perform({ begin($0, .call(continuation, call)) }) { continuation.resume(returning: -ESHUTDOWN) }
      }
    } onCancel: {
      call.isCancelled.store(true, ordering: .relaxed)
      perform(cancel)
    }
    noteResumed()
    call.takeOver()
    return result
  }

  /// The descriptor for system calls that never block.
  var ordinary: OrdinaryDescriptor {
    _read { yield value.ordinary }
  }

  /// See `Socket.abandon`.
  func abandon() { value.abandon() }

  /// See `Socket.close`.
  func close(resetting: Bool = false) async { await value.close(resetting: resetting) }

  /// See `Socket.leave`.
  func leave() async -> Result<DepartingSocket, Errno> { await value.leave() }
}

extension LoopBound where Value == StreamSocket {
  /// The peer, where it is known without asking the kernel.
  @inline(__always)
  var peer: SocketAddress? { value.peer }

  /// The bytes that have arrived and nobody has asked for.
  var arrivedBytes: Int { value.arrivedBytes.load(ordering: .relaxed) }

  /// Whether somebody looks at the connection's hand-offs.
  var isObserved: Bool { value.isObserved.load(ordering: .relaxed) }

  /// Cancels what the owner of the connection's scope waits for, and what it would start.
  func cancelOwner() {
    value.noteOwnerCancelled()
    perform { $0.cancelOwner() }
  }

  /// `ifCurrent` for the task that owns the connection's scope; `nil` for any other.
  @inline(__always)
  func ifOwned<Result: ~Copyable>(_ body: (StreamSocket) throws -> Result) rethrows -> Result? {
    guard value.isOwnedByCaller else { return nil }
    return try body(value)
  }

  /// A chunk whose memory goes back to the socket.
  @inline(__always)
  func chunk(_ pending: PendingChunk) -> Chunk { Chunk(pending, of: value) }
}

extension LoopBound where Value == ListenSocket {
  /// Connections accepted that nobody has asked for.
  var acceptedCount: Int { value.acceptedCount.load(ordering: .relaxed) }
}
