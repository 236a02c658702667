import CLiburing

/// Times a loop's jobs one by one, for a loop that is asked to.
///
/// The runtime names a task to that task alone. So the name is asked for on the way through the loop's own functions, which
/// a task calls to suspend, and only once its job has run for so long that somebody will want it.
///
/// A job may be more than a piece of its task: a task that suspends in an actor of the runtime's leaves its thread to whoever waits
/// for the actor, a task of no loop, too, and to what that does next. Nobody can name those. But they are noticed: the job goes on
/// when its task has suspended.
final class JobWatch {
  /// The job that has run longest.
  private(set) var longest: SlowJob?

  private let limit: UInt64
  private let report: @Sendable (SlowJob) -> Void
  private var startedAt: UInt64?
  private var taskName: String?
  /// The job's task: its address, to compare with. A job that is an actor's, and no task, has that of the first one that calls.
  private var task: UnsafeRawPointer?
  private var isJob = false
  private var suspendedAt: UInt64?
  private var hasSeenOthers = false

  /// - Parameter limit: nanoseconds after which a job is reported; `nil` reports none.
  init(limit: UInt64?, report: @escaping @Sendable (SlowJob) -> Void) {
    self.limit = limit ?? .max
    self.report = report
  }

  /// - Parameter job: what begins to run; `nil` if that is no job of the loop's.
  func begin(_ job: UnownedJob? = nil) {
    let address = job.map { unsafeBitCast($0, to: UnsafeRawPointer.self) }
    isJob = address != nil
    task = address.flatMap { gyre_is_task($0) ? $0 : nil }
    suspendedAt = nil
    hasSeenOthers = false
    taskName = nil
    startedAt = EventLoop.now
  }

  /// The running task calls a function of the loop.
  func noteCaller(suspends: Bool = true) {
    guard let startedAt else { return }
    let now = EventLoop.now
    if isJob { note(UnsafeRawPointer(gyre_current_task()), suspends: suspends, at: now) }
    if taskName == nil, isOfInterest(now - startedAt) { taskName = Task.name }
  }

  private func note(_ current: UnsafeRawPointer?, suspends: Bool, at now: UInt64) {
    // A task that changes its executor is enqueued when it no longer runs.
    guard let current else { return suspendedAt = now }
    if task == nil { task = current }
    if task == current { suspendedAt = suspends ? now : nil } else { hasSeenOthers = true }
  }

  func end() {
    guard let start = startedAt.take() else { return }
    let now = EventLoop.now
    let time = now - start
    guard isOfInterest(time) else { return }
    let isMostlyOthers = suspendedAt.map { now - $0 > time / 2 } ?? false
    let job = SlowJob(
      duration: .nanoseconds(Int64(clamping: time)),
      taskName: taskName,
      ranOthers: hasSeenOthers || isMostlyOthers
    )
    if longest.map({ job.duration > $0.duration }) ?? true { longest = job }
    if time > limit { report(job) }
  }

  private func isOfInterest(_ time: UInt64) -> Bool {
    guard let longest else { return true }
    return time > limit || .nanoseconds(Int64(clamping: time)) > longest.duration
  }
}
