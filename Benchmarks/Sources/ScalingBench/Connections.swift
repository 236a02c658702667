import Gyre

/// Connections that stay, and what is done beside them.
struct Connections: Sendable {
  let stage: Stage
  let listener: TCPListener

  /// Connections with a handler each, which has echoed a byte and waits for the next.
  static func serve(_ stage: Stage) async throws -> Connections {
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options, on: stage.server)
    Task(executorPreference: stage.server.taskExecutor) {
      try await listener.serve { connection in
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    }
    try await Holder.connect(stage.options.idle, to: listener.address, echoes: true)
    return Connections(stage: stage, listener: listener)
  }

  /// Connections at each of which a task waits, without `serve`.
  static func await(_ stage: Stage) async throws -> Connections {
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options, on: stage.server)
    let accepting = Task(executorPreference: stage.server.taskExecutor) {
      for _ in 0..<stage.options.idle {
        let server = try await listener.accept()
        Task(executorPreference: stage.server.taskExecutor) { _ = try await server.receive()?.count }
      }
    }
    try await Holder.connect(stage.options.idle, to: listener.address, echoes: false)
    try await accepting.value
    return Connections(stage: stage, listener: listener)
  }

  /// Connects, echoes and closes so many times.
  @Sendable func connect(_ count: Int) async throws {
    try await stage.on(stage.client) {
      for _ in 0..<count {
        try await TCPConnection.withConnection(to: listener.address) { try await Connections.echo($0) }
      }
    }
  }

  @Sendable func cancelReceive(_ count: Int) async throws {
    let (client, server) = try await Connections.pair(stage, listener)
    try await stage.on(stage.server) {
      for _ in 0..<count {
        let task = Task(executorPreference: stage.server.taskExecutor) { _ = try await server.receive()?.count }
        await Task.yield()
        task.cancel()
        _ = await task.result
      }
      await server.close()
    }
    await client.close()
  }

  @Sendable func sample(_ count: Int) async throws {
    try await stage.on(stage.server) { for _ in 0..<count { _ = try listener.queues } }
  }

  @Sendable func sampleWithSYNQueue(_ count: Int) async throws {
    try await stage.on(stage.server) { for _ in 0..<count { _ = try listener.queues(including: .synQueue) } }
  }

  private static var options: TCPListener.Options {
    var options = TCPListener.Options()
    options.backlog = 1024
    return options
  }

  private static func echo(_ connection: TCPConnection) async throws {
    try await connection.send("x")
    _ = try await connection.receive()?.count
  }

  private static func pair(_ stage: Stage, _ listener: TCPListener) async throws -> (TCPConnection, TCPConnection) {
    async let accepting = stage.on(stage.server) { try await listener.accept() }
    let client = try await TCPConnection.connect(to: listener.address, on: stage.client)
    return (client, try await accepting)
  }
}
