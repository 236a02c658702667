extension EventLoop {
  /// Suspends the calling task for at least `duration`.
  ///
  /// Costs one timer in a heap, O(log n). The timer is removed at once when the task is cancelled.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first or the loop stops.
  public func sleep(for duration: Duration) async throws {
    try await sleep(untilNanoseconds: EventLoop.now &+ duration.nanosecondsClamped)
  }

  /// Suspends the calling task until a moment of the continuous clock.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first or the loop stops.
  public func sleep(until deadline: ContinuousClock.Instant) async throws {
    try await sleep(for: deadline - .now)
  }

  func sleep(untilNanoseconds deadline: UInt64) async throws {
    try Task.checkCancellation()
    let sleeper = Sleeper(loop: self, deadline: deadline)
    let fired = await withTaskCancellationHandler {
      await withUnsafeContinuation { sleeper.begin($0) }
    } onCancel: {
      perform { sleeper.cancel() }
    }
    if !fired { throw CancellationError() }
  }

  /// Runs a job of the runtime's after `delay`: at once if the loop stops meanwhile.
  func enqueueTimer(_ job: UnownedJob, after delay: Duration) {
    let deadline = EventLoop.now &+ delay.nanosecondsClamped
    let isTaken = perform {
      self.jobWatch?.noteCaller()
      guard !self.isStopping else { return EventLoop.keepTimeElsewhere(job, until: deadline) }
      _ = self.timers.insert(at: deadline, .run(job))
    }
    if !isTaken { EventLoop.keepTimeElsewhere(job, until: deadline) }
  }

  /// For a task of a loop that stops or has ended: it would spin if its sleeps took no time.
  private static func keepTimeElsewhere(_ job: UnownedJob, until deadline: UInt64) {
    guard let loop = try? SharedLoop.get(), !loop.isOnOwnThread,
      loop.perform({ _ = loop.timers.insert(at: deadline, .run(job)) })
    else { return TimerAction.run(job).end(fired: false) }
  }
}
