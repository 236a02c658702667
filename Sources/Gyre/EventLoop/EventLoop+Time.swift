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

  private func sleep(untilNanoseconds deadline: UInt64) async throws {
    try Task.checkCancellation()
    let sleeper = Sleeper(loop: self, deadline: deadline)
    let fired = await withTaskCancellationHandler {
      await withUnsafeContinuation { sleeper.begin($0) }
    } onCancel: {
      perform { sleeper.cancel() }
    }
    if !fired { throw CancellationError() }
  }
}
