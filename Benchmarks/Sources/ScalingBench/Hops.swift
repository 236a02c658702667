import Gyre

/// Tasks that wait at channels, and what is done beside them.
struct Hops: Sendable {
  let stage: Stage
  /// Where the others wait together, if they do.
  let channel: Channel<Int>

  /// Each at a channel of its own.
  static func wait(_ stage: Stage) async throws -> Hops {
    try await stage.startIdle { _ in _ = try await Channel<Int>(capacity: 1).receive() }
    return Hops(stage: stage, channel: Channel(capacity: 1))
  }

  /// All at the same.
  static func waitTogether(_ stage: Stage) async throws -> Hops {
    let hops = Hops(stage: stage, channel: Channel(capacity: 1))
    try await stage.startIdle { _ in _ = try await hops.channel.receive() }
    return hops
  }

  /// Sends a number to the other loop and back so many times.
  @Sendable func hop(_ count: Int) async throws {
    let (there, back) = (Channel<Int>(capacity: 1), Channel<Int>(capacity: 1))
    let echo = Task(executorPreference: stage.client.taskExecutor) {
      while let number = try await there.receive() { try await back.send(number) }
    }
    try await stage.on(stage.server) {
      for number in 0..<count {
        try await there.send(number)
        _ = try await back.receive()
      }
      there.finish()
    }
    try await echo.value
  }

  @Sendable func cancel(_ count: Int) async throws {
    try await stage.on(stage.server) {
      for _ in 0..<count {
        let task = Task(executorPreference: stage.server.taskExecutor) { _ = try await channel.receive() }
        await Task.yield()
        task.cancel()
        _ = await task.result
      }
    }
  }
}
