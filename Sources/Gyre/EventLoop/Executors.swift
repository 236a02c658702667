/// A loop's two executors.
struct Executors: Sendable {
  let task: LoopTaskExecutor
  let serial: LoopSerialExecutor

  init(loop: EventLoop) {
    task = LoopTaskExecutor(loop: loop)
    serial = loop.serialExecutor
  }

  /// Runs a job under the identity that it was enqueued through: under another one, the runtime would enqueue it again.
  @inline(__always)
  func run(_ job: Job) {
    if job.isIsolated {
      job.job.runSynchronously(isolatedTo: serial.asUnownedSerialExecutor(), taskExecutor: task.asUnownedTaskExecutor())
    } else {
      job.job.runSynchronously(on: task.asUnownedTaskExecutor())
    }
  }
}
