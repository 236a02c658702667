// @unchecked: an action is made, kept and run on the loop's thread alone.
/// What happens when a timer ends.
enum TimerAction: @unchecked Sendable {
  /// Calls the closure: with `true` at the deadline, with `false` when the loop stops before it.
  case call((_ fired: Bool) -> Void)
  /// Runs a job of the runtime's own, at the deadline or when the loop stops: it resumes a task that sleeps, by enqueuing it,
  /// and is none that could suspend itself on the loop.
  case run(UnownedJob)

  func end(fired: Bool) {
    switch self {
    case .call(let body): body(fired)
    case .run(let job): job.runSynchronously(on: TimerAction.noExecutor)
    }
  }

  // The runtime's name for "no executor in particular", two null words: under any other, a job that belongs to no actor
  // and prefers nothing would be enqueued once more instead of run.
  private static let noExecutor = unsafeBitCast((0 as UInt, 0 as UInt), to: UnownedSerialExecutor.self)
}
