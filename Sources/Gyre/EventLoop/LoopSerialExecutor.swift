/// Runs an actor on a loop's thread, so that the loop's connections use the actor's state without a hop.
///
/// ```swift
/// actor Room {
///   let loop: EventLoop
///   nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
/// }
/// ```
public final class LoopSerialExecutor: SerialExecutor {
  // A cycle until the loop ends and lets go of its executors.
  let loop: EventLoop

  init(loop: EventLoop) { self.loop = loop }

  /// Puts a job into the loop's run queue; from another thread, wakes the loop if it waits.
  public func enqueue(_ job: consuming ExecutorJob) {
    loop.enqueue(Job(job: UnownedJob(job), isIsolated: true))
  }

  /// Whether the calling code runs on the loop's thread.
  public func isIsolatingCurrentContext() -> Bool? { loop.isCurrent }

  /// Stops the program if the calling code does not run on the loop's thread.
  public func checkIsolated() {
    precondition(loop.isCurrent, "this code must run on the event loop’s thread")
  }
}
