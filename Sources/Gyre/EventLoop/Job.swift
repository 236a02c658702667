/// A piece of a task that is ready to run, with the identity that it was enqueued through and must run under.
struct Job: Sendable {
  let job: UnownedJob
  let identity: Identity
  /// What a task that suspended itself is resumed with.
  let result: Int32
  /// Whether it is a task that suspended itself: see `SuspendedTask`.
  let isSuspendedTask: Bool

  /// Through which executor a job came.
  enum Identity: Sendable {
    /// The loop's task executor: the task prefers the loop.
    case task
    /// The loop's serial executor: the job belongs to an actor of the loop.
    case serial
    /// The program's default executor: the task prefers nothing.
    case program
    /// The program's main executor: the job belongs to the main actor.
    case main
  }

  init(_ job: consuming ExecutorJob, _ identity: Identity) {
    self.job = UnownedJob(job)
    self.identity = identity
    result = 0
    isSuspendedTask = false
  }

  /// A task that suspended itself is resumed.
  init(_ job: UnownedJob, _ identity: Identity, resumedWith result: Int32) {
    self.job = job
    self.identity = identity
    self.result = result
    isSuspendedTask = true
  }
}
