/// The executors whose jobs a loop runs, each with the form in which jobs are run on it.
struct Executors: Sendable {
  let task: LoopTaskExecutor
  private let unownedTask: UnownedTaskExecutor
  // Asking an executor for its unowned form is a look-up of its conformance. The executors are kept: by `task`, by the loop
  // and by the program, which outlive all jobs.
  private let serial: UnownedSerialExecutor
  /// The program's own, if the loop is one of the program's.
  private let program: UnownedTaskExecutor?
  private let main: UnownedSerialExecutor?

  init(loop: EventLoop) {
    task = LoopTaskExecutor(loop: loop)
    unownedTask = task.asUnownedTaskExecutor()
    serial = loop.serialExecutor.asUnownedSerialExecutor()
    program = loop.program?.tasks.asUnownedTaskExecutor()
    main = loop.program?.main.asUnownedSerialExecutor()
  }

  /// Runs a job under the identity that it was enqueued through: under another one, the runtime would enqueue it again.
  @inline(__always)
  func run(_ job: Job) {
    switch job.identity {
    case .task: job.job.runSynchronously(on: unownedTask)
    case .program: job.job.runSynchronously(on: program!)
    case .serial: job.job.runSynchronously(isolatedTo: serial, taskExecutor: unownedTask)
    case .main: job.job.runSynchronously(on: main!)
    }
  }
}
