/// Runs an actor on a loop's thread, so that the loop's connections use the actor's state without a hop.
///
/// ```swift
/// actor Room {
///   let loop: EventLoop
///   nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
/// }
/// ```
public final class LoopSerialExecutor: SerialExecutor {
  // Weak, since the loop holds its executor: the runtime does not, and a suspended task of an actor still names it when the
  // loop has ended. Never set again.
  nonisolated(unsafe) private weak var loop: EventLoop?

  init(loop: EventLoop) { self.loop = loop }

  /// Puts a job into the loop's run queue; from another thread, wakes the loop if it waits.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = Job(job, .serial)
    if let loop { return loop.enqueue(job) }
    // The loop has ended and nobody refers to it any more.
    Stragglers.run { job.job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  /// Whether the calling code runs on the loop's thread.
  public func isIsolatingCurrentContext() -> Bool? { loop?.isCurrent ?? false }

  /// Stops the program if the calling code does not run on the loop's thread.
  public func checkIsolated() {
    if loop?.isCurrent != true { fatalError("this code must run on the event loop's thread") }
  }
}
