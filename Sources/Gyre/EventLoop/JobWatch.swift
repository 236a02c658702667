/// Times a loop's jobs one by one, for a loop that is asked to.
///
/// The runtime names a task to that task alone. So the name is asked for on the way through the loop's own functions, which
/// a task calls to suspend, and only once its job has run for so long that somebody will want it.
final class JobWatch {
  /// The job that has run longest.
  private(set) var longest: SlowJob?

  private let limit: UInt64
  private let report: @Sendable (SlowJob) -> Void
  private var startedAt: UInt64?
  private var taskName: String?

  /// - Parameter limit: nanoseconds after which a job is reported; `nil` reports none.
  init(limit: UInt64?, report: @escaping @Sendable (SlowJob) -> Void) {
    self.limit = limit ?? .max
    self.report = report
  }

  func begin() {
    taskName = nil
    startedAt = EventLoop.now
  }

  /// The running job's task calls a function of the loop.
  func noteCaller() {
    guard taskName == nil, let startedAt, isOfInterest(EventLoop.now - startedAt) else { return }
    taskName = Task.name
  }

  func end() {
    guard let start = startedAt.take() else { return }
    let time = EventLoop.now - start
    guard isOfInterest(time) else { return }
    let job = SlowJob(duration: .nanoseconds(Int64(clamping: time)), taskName: taskName)
    if longest.map({ job.duration > $0.duration }) ?? true { longest = job }
    if time > limit { report(job) }
  }

  private func isOfInterest(_ time: UInt64) -> Bool {
    guard let longest else { return true }
    return time > limit || .nanoseconds(Int64(clamping: time)) > longest.duration
  }
}
