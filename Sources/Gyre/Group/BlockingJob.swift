/// One call on its way through a blocking pool.
final class BlockingJob: Sendable {
  enum Ending: Sendable {
    case ran
    case cancelled
    /// The kernel gives no thread.
    case refused(Errno)
  }

  private enum State: Sendable {
    case new
    case queued(UnsafeContinuation<Ending, Never>)
    case running
    case cancelled
  }

  let body: @Sendable () -> Void
  private let state = Locked(State.new)

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  var isQueued: Bool {
    state.withLock { if case .queued = $0 { true } else { false } }
  }

  /// False if it was cancelled before.
  func enqueue(_ continuation: UnsafeContinuation<Ending, Never>) -> Bool {
    state.withLock { state in
      if case .cancelled = state { return false }
      state = .queued(continuation)
      return true
    }
  }

  /// Begins; `nil` if it was cancelled.
  func begin() -> UnsafeContinuation<Ending, Never>? {
    state.withLock { state in
      guard case .queued(let continuation) = state else { return nil }
      state = .running
      return continuation
    }
  }

  /// Cancels it, unless it has begun: then it goes on.
  ///
  /// - Returns: who waits for it, if it was in the queue.
  func cancel() -> UnsafeContinuation<Ending, Never>? {
    state.withLock { state in
      switch state {
      case .new:
        state = .cancelled
        return nil
      case .queued(let continuation):
        state = .cancelled
        return continuation
      case .running, .cancelled: return nil
      }
    }
  }
}
