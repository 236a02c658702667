/// The executors whose jobs a loop runs.
struct Executors: Sendable {
  let task: LoopTaskExecutor
  let serial: LoopSerialExecutor
  /// The program's own, if the loop is one of the program's.
  let program: ProgramExecutors?

  init(loop: EventLoop) {
    task = LoopTaskExecutor(loop: loop)
    serial = loop.serialExecutor
    program = loop.program
  }

  /// Runs a job under the identity that it was enqueued through: under another one, the runtime would enqueue it again.
  @inline(__always)
  func run(_ job: Job) {
    switch job.identity {
    case .task: job.job.runSynchronously(on: task.asUnownedTaskExecutor())
    case .program: job.job.runSynchronously(on: program!.tasks.asUnownedTaskExecutor())
    case .serial:
      job.job.runSynchronously(isolatedTo: serial.asUnownedSerialExecutor(), taskExecutor: task.asUnownedTaskExecutor())
    case .main: job.job.runSynchronously(on: program!.main.asUnownedSerialExecutor())
    }
  }
}
