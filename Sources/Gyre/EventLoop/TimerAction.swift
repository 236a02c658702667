// @unchecked: an action is used by the thread that keeps its time: the loop's, or under the timekeeper's lock and then its own.
/// What happens when a timer ends, and what becomes of it when its loop stops before that.
///
/// What belongs to the loop ends with it. What promises a time to a task keeps it, since the task may go on elsewhere: the
/// `Timekeeper` takes it over.
enum TimerAction: @unchecked Sendable {
  /// Calls the closure: with `true` at the deadline, with `false` when the loop stops before it.
  case call((_ fired: Bool) -> Void)
  /// Runs a job of the runtime's own: it resumes a task that sleeps, by enqueuing it, and is none that could suspend itself
  /// on the loop.
  case run(UnownedJob)
  /// Cancels a task whose time is over.
  case ring(Alarm)

  /// The deadline has come.
  func fire() {
    switch self {
    case .call(let body): body(true)
    case .run(let job): job.runSynchronously(on: TimerAction.noExecutor)
    case .ring(let alarm): alarm.ring()
    }
  }

  /// The loop has stopped before `deadline`. From any thread if it has ended.
  func loopStops(before deadline: UInt64) {
    switch self {
    case .call(let body): body(false)
    case .run: _ = Timekeeper.insert(at: deadline, self)
    case .ring(let alarm): alarm.keepElsewhere(until: deadline)
    }
  }

  // The runtime's name for "no executor in particular", two null words: under any other, a job that belongs to no actor
  // and prefers nothing would be enqueued once more instead of run.
  private static let noExecutor = unsafeBitCast((0 as UInt, 0 as UInt), to: UnownedSerialExecutor.self)
}
