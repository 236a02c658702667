/// Runs tasks on a loop's thread.
///
/// Prefer it for a task with `Task(executorPreference: loop.taskExecutor)`; children of that task inherit the preference.
/// It is an object beside `LoopSerialExecutor` and not the same one: a type that is both costs the runtime a slow
/// conformance look-up at every switch.
public final class LoopTaskExecutor: TaskExecutor {
  // A cycle until the loop ends and lets go of its executors; a task that prefers this one keeps the loop until then.
  let loop: EventLoop

  init(loop: EventLoop) { self.loop = loop }

  /// Puts a job into the loop's run queue; from another thread, wakes the loop if it waits.
  public func enqueue(_ job: consuming ExecutorJob) {
    loop.enqueue(Job(job, .task))
  }
}
