/// Runs each job at once, on the stack of whoever makes it ready.
final class InlineExecutor: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) { UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor()) }
}
