import Gyre

/// Tasks that wait for a connection, and what is done beside them.
struct Listeners: Sendable {
  let stage: Stage
  let listener: TCPListener

  /// Each at a listener of its own.
  static func park(_ stage: Stage) async throws -> Listeners {
    try await stage.startIdle { number in
      // An address has no more than its ports.
      let host = "127.1.\(number / 250).\(number % 250 + 1)"
      let other = try TCPListener.bind(to: SocketAddress(host: host, port: 0), on: stage.server)
      _ = try await other.accept()
    }
    return try Listeners(stage)
  }

  /// All at the same.
  static func parkTogether(_ stage: Stage) async throws -> Listeners {
    let listeners = try Listeners(stage)
    try await stage.startIdle { _ in _ = try await listeners.listener.accept() }
    return listeners
  }

  private init(_ stage: Stage) throws {
    self.stage = stage
    listener = try TCPListener.bind(to: .loopback(port: 0), on: stage.server)
  }

  @Sendable func accept(_ count: Int) async throws {
    let connecting = Task(executorPreference: stage.client.taskExecutor) {
      for _ in 0..<count {
        // Waits for the other end, so that connections come one at a time.
        try await TCPConnection.withConnection(to: listener.address) { _ = try await $0.receive()?.count }
      }
    }
    try await stage.on(stage.server) { for _ in 0..<count { await (try listener.accept()).close() } }
    try await connecting.value
  }

  @Sendable func cancel(_ count: Int) async throws {
    try await stage.on(stage.server) {
      for _ in 0..<count {
        let task = Task(executorPreference: stage.server.taskExecutor) { _ = try await listener.accept() }
        await Task.yield()
        task.cancel()
        _ = await task.result
      }
    }
  }
}
