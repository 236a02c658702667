/// A task of the loop that is suspended, to be resumed there with a result of 0 or more, or -errno.
///
/// A continuation can be resumed from anywhere and therefore asks the runtime where the task belongs: which executor it
/// prefers, which it was on, whether it has suspended yet. That is a look under the lock of the task's status records, an
/// enqueuing and a race to decide, together 40 % of what suspending and resuming costs. Here all answers are known. The task
/// suspends on its loop's thread, whoever resumes it is on that thread too, and nothing else runs there before the task has
/// suspended: so it can be resumed before that as well. It says to the runtime that it suspends, and is later run as the job
/// that it is.
enum SuspendedTask {
  case job(UnsafeMutableRawPointer, Job.Identity)
  /// Where the compiler's runtime is not known to have what the above needs, or the task is on an actor.
  case continuation(UnsafeContinuation<Int32, Never>)

  /// Resumes it. On its loop's thread, once.
  @inline(__always)
  func resume(_ result: Int32) {
    switch self {
    // A task is a job, and `UnownedJob` the same pointer.
    case .job(let task, let identity):
      let job = Job(unsafeBitCast(task, to: UnownedJob.self), identity, resumedWith: result)
      EventLoop.withCurrent { $0.runQueue.append(job) }
    case .continuation(let continuation): continuation.resume(returning: result)
    }
  }
}
