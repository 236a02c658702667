/// A piece of a task that is ready to run, with the identity that it was enqueued through and must run under.
struct Job: Sendable {
  let job: UnownedJob
  /// Through the serial executor: the job belongs to an actor of the loop.
  let isIsolated: Bool
}
