/// Keeps the time of loops that have stopped: the runtime's sleeps, and time limits of tasks that go on elsewhere.
///
/// It has a thread for as long as there is such a timer. What runs there makes tasks ready or cancels them; their code runs
/// elsewhere.
enum Timekeeper {
  private struct State: Sendable {
    var timers = TimerHeap()
    var hasThread = false
  }

  private static let state = Locked(State())
  /// The earliest deadline is another one, or there is none any more.
  private static let change = Semaphore()

  /// Timers that are pending.
  static var count: Int { state.withLock { $0.timers.count } }

  static func insert(at deadline: UInt64, _ action: TimerAction) -> TimerID {
    let (id, isFirst, needsThread) = state.withLock { state in
      let isFirst = deadline < state.timers.nextDeadline ?? .max
      let id = state.timers.insert(at: deadline, action)
      defer { state.hasThread = true }
      return (id, isFirst, !state.hasThread)
    }
    if needsThread { startThread() } else if isFirst { change.signal() }
    return id
  }

  /// Removes a timer, unless it has fired.
  static func remove(_ id: TimerID) {
    let isLast = state.withLock { state in state.timers.remove(id) != nil && state.timers.isEmpty }
    if isLast { change.signal() }
  }

  private static func startThread() {
    guard Thread.start(name: "gyre-time", { keepTime() }) != nil else { return }
    // Where the kernel has no thread left, a time that is over too early is better than one that never comes.
    while let action = removeNext(at: .max) { action.fire() }
  }

  private static func keepTime() {
    while true {
      while let action = removeNext(at: EventLoop.now) { action.fire() }
      guard let deadline = nextDeadline() else { return }
      let now = EventLoop.now
      if deadline > now { _ = change.wait(nanoseconds: deadline - now) }
    }
  }

  private static func removeNext(at now: UInt64) -> TimerAction? { state.withLock { $0.timers.removeDue(at: now) } }

  /// `nil` if no timer is left: the thread is to end, and no longer counts as there.
  private static func nextDeadline() -> UInt64? {
    state.withLock { state in
      let deadline = state.timers.nextDeadline
      state.hasThread = deadline != nil
      return deadline
    }
  }
}
