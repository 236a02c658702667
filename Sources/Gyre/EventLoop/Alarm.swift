// @unchecked: `timer` is touched on the loop's thread alone; the rest is locked.
/// Cancels a task when its time is over.
///
/// The task is named by the reference that the runtime lends it to itself. That is valid while the task runs: `begin` is
/// called by the task, and `end`, by the same task, takes the reference away under the lock that the timer cancels under.
final class Alarm: @unchecked Sendable {
  // @unchecked: the reference is used under the alarm's lock, and only to cancel, which any thread may.
  private struct State: @unchecked Sendable {
    var task: UnsafeCurrentTask?
    var hasRung = false
  }

  private let loop: EventLoop
  private let state = Locked(State())
  private var timer: TimerID?
  private var hasEnded = false

  init(loop: EventLoop) { self.loop = loop }

  /// Whether the deadline came before the task's end.
  var hasRung: Bool { state.withLock { $0.hasRung } }

  /// Sets the alarm for the calling task.
  func begin(until deadline: UInt64) {
    withUnsafeCurrentTask { task in
      nonisolated(unsafe) let task = task
      state.withLock { $0.task = task }
    }
    loop.perform {
      // The task may have ended before another thread's loop gets here.
      guard !self.hasEnded else { return }
      self.timer = self.loop.timers.insert(at: deadline) { fired in if fired { self.ring() } }
    }
  }

  /// Takes the alarm off the calling task.
  func end() {
    state.withLock { $0.task = nil }
    loop.perform {
      self.hasEnded = true
      if let timer = self.timer.take() { _ = self.loop.timers.remove(timer) }
    }
  }

  private func ring() {
    timer = nil
    state.withLock { state in
      guard let task = state.task else { return }
      state.hasRung = true
      task.cancel()
    }
  }
}
