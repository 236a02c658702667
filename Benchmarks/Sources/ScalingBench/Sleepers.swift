import Gyre

/// Tasks that sleep, and what is done beside them.
struct Sleepers: Sendable {
  let stage: Stage

  static func begin(_ stage: Stage) async throws -> Sleepers {
    try await stage.startIdle { number in try await stage.server.sleep(for: .seconds(1000 + number % 7)) }
    return Sleepers(stage: stage)
  }

  /// Each is due before all others.
  @Sendable func sleep(_ count: Int) async throws {
    try await stage.on(stage.server) { for _ in 0..<count { try await stage.server.sleep(for: .nanoseconds(1)) } }
  }

  /// Each is due after some of the others.
  @Sendable func cancel(_ count: Int) async throws {
    try await stage.on(stage.server) {
      for _ in 0..<count {
        let task = Task(executorPreference: stage.server.taskExecutor) {
          try await stage.server.sleep(for: .seconds(1003))
        }
        await Task.yield()
        task.cancel()
        _ = await task.result
      }
    }
  }
}
