// @unchecked: `state` is read and written under the lock of the queue that the job was submitted to.
/// One call on its way through a blocking pool.
final class BlockingJob: @unchecked Sendable {
  enum Ending: Sendable {
    case ran
    case cancelled
    /// The kernel gives no thread.
    case refused(Errno)
  }

  enum State {
    case new
    case queued(UnsafeContinuation<Ending, Never>)
    case running
    case cancelled
  }

  let body: @Sendable () -> Void
  var state = State.new

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  var isQueued: Bool {
    if case .queued = state { true } else { false }
  }
}
