/// Runs `body` and cancels it if it has not ended after `duration`; returns only when it has ended.
///
/// A timeout is a request like any cancellation: when `withTimeout` returns, nothing of `body` is in flight any more. A
/// result that `body` returns in spite of the cancellation is returned. Costs one task and one timer.
///
/// - Throws: `TimeoutError` if the time ran out and `body` threw because of it; otherwise what `body` throws.
public func withTimeout<Value: Sendable>(
  _ duration: Duration,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withDeadline(ContinuousClock.now + duration, body)
}

/// Runs `body` and cancels it if it has not ended at `deadline`; returns only when it has ended. As `withTimeout(_:_:)`.
///
/// - Throws: `TimeoutError` if the time ran out and `body` threw because of it; otherwise what `body` throws.
public func withDeadline<Value: Sendable>(
  _ deadline: ContinuousClock.Instant,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let loop = try EventLoop.currentOrShared()
  return try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask(executorPreference: loop.taskExecutor) { try await body() }
    group.addTask(executorPreference: loop.taskExecutor) {
      // Cancelled when the body ends first, or with the caller: then the body is cancelled too, and its end is awaited.
      try? await loop.sleep(until: deadline)
      return nil
    }
    defer { group.cancelAll() }
    if let value = try await group.next()! { return value }
    // The sleep ends early when the loop stops: that is no timeout.
    let isTimeout = !Task.isCancelled && ContinuousClock.now >= deadline
    group.cancelAll()
    do {
      return try await group.next()!!
    } catch  where isTimeout {
      throw TimeoutError()
    }
  }
}
