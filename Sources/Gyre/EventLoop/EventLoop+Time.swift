extension EventLoop {
  /// Suspends the calling task for at least `duration`.
  ///
  /// Costs one timer in a heap, O(log n). The timer is removed at once when the task is cancelled.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first or the loop stops.
  public func sleep(for duration: Duration) async throws {
    try await sleep(untilNanoseconds: EventLoop.deadline(after: duration))
  }

  /// Suspends the calling task until a moment of the continuous clock.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first or the loop stops.
  public func sleep(until deadline: ContinuousClock.Instant) async throws {
    try await sleep(for: ContinuousClock().timeLeft(until: deadline))
  }

  func sleep(untilNanoseconds deadline: UInt64) async throws {
    try Task.checkCancellation()
    let sleeper = Sleeper(loop: self, deadline: deadline)
    let fired = await withTaskCancellationHandler {
      await withUnsafeContinuation { sleeper.begin($0) }
    } onCancel: {
      perform { sleeper.cancel() }
    }
    noteResumed()
    if fired { return }
    // The loop stops. A task that does not care, and sleeps again and again, must not keep its thread.
    if !Task.isCancelled { await Task.yield() }
    throw CancellationError()
  }

  /// Runs a job of the runtime's after `delay`: on the loop's thread, or where time is kept when the loop has stopped.
  func enqueueTimer(_ job: UnownedJob, after delay: Duration) {
    let deadline = EventLoop.deadline(after: delay)
    let isTaken = perform {
      self.jobWatch?.noteCaller()
      _ = self.setTimer(at: deadline, .run(job))
    }
    if !isTaken { TimerAction.run(job).loopStops(before: deadline) }
  }

  /// Sets a timer, on the loop's thread. A loop that stops keeps no time: what becomes of the timer then, its action says.
  ///
  /// - Returns: the timer; `nil` if the loop stops.
  func setTimer(at deadline: UInt64, _ action: TimerAction) -> TimerID? {
    assertIsCurrent()
    guard !isStopping else {
      action.loopStops(before: deadline)
      return nil
    }
    return timers.insert(at: deadline, action)
  }

  /// The moment when a duration that begins now is over; never, for one that is too long for the clock.
  static func deadline(after duration: Duration) -> UInt64 { now.addingSaturating(duration.nanosecondsClamped) }
}
