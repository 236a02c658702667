// @unchecked: every member is touched on the loop's thread alone; `begin` and `cancel` see to it.
/// One sleep: its timer, and the task to resume.
final class Sleeper: @unchecked Sendable {
  private let loop: EventLoop
  private let deadline: UInt64
  private var timer: TimerID?
  private var continuation: UnsafeContinuation<Bool, Never>?
  private var isCancelled = false

  init(loop: EventLoop, deadline: UInt64) {
    self.loop = loop
    self.deadline = deadline
  }

  /// Sets the timer; the task resumes with whether it fired.
  func begin(_ continuation: UnsafeContinuation<Bool, Never>) {
    let isAccepted = loop.perform {
      self.loop.assertIsCurrent()
      self.loop.jobWatch?.noteCaller()
      guard !self.isCancelled else { return continuation.resume(returning: false) }
      self.continuation = continuation
      self.timer = self.loop.setTimer(at: self.deadline, .call { fired in self.end(fired) })
    }
    if !isAccepted { continuation.resume(returning: false) }
  }

  /// Removes the timer. On the loop's thread.
  func cancel() {
    loop.assertIsCurrent()
    isCancelled = true
    guard let timer, loop.timers.remove(timer) != nil else { return }
    end(false)
  }

  private func end(_ fired: Bool) {
    loop.assertIsCurrent()
    timer = nil
    continuation?.resume(returning: fired)
    continuation = nil
  }
}
