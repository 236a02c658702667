/// Runs `body` and cancels it if it has not ended after `duration`; returns only when it has ended.
///
/// A timeout is a request like any cancellation: when `withTimeout` returns, nothing of `body` is in flight any more. A
/// result that `body` returns in spite of the cancellation is returned, and so is an error other than the cancellation's.
/// Costs a child task, about 1 µs, and a timer of the caller's loop, or the shared one's, which is removed when `body` ends.
///
/// `body` runs as that child task. It runs on a loop if the caller's *task* prefers that loop's executor, as the handlers of
/// `serve` do, or if the program is on the global executor. It inherits no actor: called by code of an actor from a task that
/// prefers no loop (a detached one, say), `body` runs on the stock executor, also if the actor lives on a loop.
///
/// - Throws: `TimeoutError` if the time ran out and `body` threw `CancellationError` because of it; otherwise what `body`
///   throws.
public func withTimeout<Value: Sendable>(
  _ duration: Duration,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withDeadline(LoopClock.Instant.now.advanced(by: duration), body)
}

/// Runs `body` and cancels it if it has not ended at `deadline`; returns only when it has ended. As `withTimeout(_:_:)`.
///
/// - Throws: `TimeoutError` if the time ran out and `body` threw `CancellationError` because of it; otherwise what `body`
///   throws.
public func withDeadline<Value: Sendable>(
  _ deadline: LoopClock.Instant,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let alarm = Alarm(loop: try EventLoop.currentOrShared())
  do {
    return try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask {
        alarm.begin(until: deadline.nanoseconds)
        let result: Result<Value, any Error>
        do {
          result = .success(try await body())
        } catch {
          result = .failure(error)
        }
        await alarm.end()
        return try result.get()
      }
      return try await group.next()!
    }
  } catch is CancellationError where alarm.hasRung && !Task.isCancelled {
    throw TimeoutError()
  }
}

/// Runs `body` and cancels it if it has not ended at `deadline`; returns only when it has ended. As `withTimeout(_:_:)`.
///
/// - Throws: `TimeoutError` if the time ran out and `body` threw `CancellationError` because of it; otherwise what `body`
///   throws.
public func withDeadline<Value: Sendable>(
  _ deadline: ContinuousClock.Instant,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withTimeout(ContinuousClock().timeLeft(until: deadline), body)
}
