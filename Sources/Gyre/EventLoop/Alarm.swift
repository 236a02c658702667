/// Cancels a task when its time is over, also if its loop stops before that.
///
/// The task is named by the reference that the runtime lends it to itself. That is valid while the task runs: `begin` is
/// called by the task, and `end`, by the same task, takes the reference away, and returns only when nobody uses it any more.
///
/// Cancelling calls the handlers of whoever is in the task, so it holds no lock. What they call may even run the task up to
/// `end`, on the very stack that cancels: that is why `end` suspends and does not block.
final class Alarm: Sendable {
  // @unchecked: the reference is read under the alarm's lock, and used only to cancel, which any thread may.
  private struct State: @unchecked Sendable {
    var task: UnsafeCurrentTask?
    var hasRung = false
    var hasEnded = false
    var timer: Timer?
    /// Whether the task is being cancelled, by the reference.
    var isRinging = false
    /// `end`, which waits until it is not.
    var ending: UnsafeContinuation<Void, Never>?
  }

  /// Where the time is kept.
  private enum Timer: Sendable {
    case loop(TimerID)
    case timekeeper(TimerID)
  }

  private let loop: EventLoop
  private let state = Locked(State())

  init(loop: EventLoop) { self.loop = loop }

  /// Whether the deadline came before the task's end.
  var hasRung: Bool { state.withLock { $0.hasRung } }

  /// Sets the alarm for the calling task.
  func begin(until deadline: UInt64) {
    withUnsafeCurrentTask { task in
      nonisolated(unsafe) let task = task
      state.withLock { $0.task = task }
    }
    let isAccepted = loop.perform {
      // The task may have ended before another thread's loop gets here.
      guard !self.state.withLock({ $0.hasEnded }) else { return }
      let timer = self.loop.setTimer(at: deadline, .ring(self))
      if let timer { self.state.withLock { $0.timer = .loop(timer) } }
    }
    if !isAccepted { keepElsewhere(until: deadline) }
  }

  /// The loop stops, or has ended.
  func keepElsewhere(until deadline: UInt64) {
    let timer = Timekeeper.insert(at: deadline, .ring(self))
    let isLate = state.withLock { state in
      state.timer = .timekeeper(timer)
      return state.hasEnded
    }
    if isLate { removeTimer() }
  }

  /// Takes the alarm off the calling task. Suspends only while the alarm rings.
  func end() async {
    let isRinging = state.withLock { state in
      state.task = nil
      state.hasEnded = true
      return state.isRinging
    }
    if isRinging { await ringingEnds() }
    // An ended loop has no timer of anybody's.
    if !loop.perform({ self.removeTimer() }) { removeTimer() }
  }

  private func removeTimer() {
    switch state.withLock({ $0.timer.take() }) {
    case .loop(let timer): _ = loop.timers.remove(timer)
    case .timekeeper(let timer): Timekeeper.remove(timer)
    case nil: break
    }
  }

  /// The time is over.
  func ring() {
    // Valid until `end` returns, which `isRinging` keeps from doing so.
    nonisolated(unsafe) var task: UnsafeCurrentTask?
    state.withLock { state in
      task = state.task
      if task == nil { return }
      state.hasRung = true
      state.isRinging = true
    }
    guard let task else { return }
    task.cancel()
    let waiter = state.withLock { state in
      state.isRinging = false
      return state.ending.take()
    }
    waiter?.resume()
  }

  private func ringingEnds() async {
    await withUnsafeContinuation { continuation in
      let isOver = state.withLock { state in
        if state.isRinging { state.ending = continuation }
        return !state.isRinging
      }
      if isOver { continuation.resume() }
    }
    noteResumed()
  }
}
