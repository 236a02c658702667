// @unchecked: one thread uses it, the one that calls `run`.
/// The least that runs tasks: an array of jobs and nothing else. What a suspension costs here is the runtime's own price.
final class BareExecutor: TaskExecutor, @unchecked Sendable {
  private var ready: [UnownedJob] = []
  private var running: [UnownedJob] = []

  func enqueue(_ job: consuming ExecutorJob) { ready.append(UnownedJob(job)) }

  /// Runs a task to its end on the calling thread.
  static func run<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let executor = BareExecutor()
    let result = Result<Value>()
    Task(executorPreference: executor) { result.value = await body() }
    while result.value == nil {
      swap(&executor.ready, &executor.running)
      for job in executor.running { job.runSynchronously(on: executor.asUnownedTaskExecutor()) }
      executor.running.removeAll(keepingCapacity: true)
    }
    return result.value!
  }

  // @unchecked: written and read on the executor's thread.
  private final class Result<Value>: @unchecked Sendable {
    var value: Value?
  }
}
