import Gyre

/// One second of round trips beside one disturbance.
struct Trial {
  let backend: BackendChoice
  let disturbance: Disturbance

  private static let connections = 50
  private static let period = Duration.milliseconds(10)

  func run() async throws -> Latency {
    let server = try EventLoop.start(EventLoop.Configuration(backend: backend))
    let client = try EventLoop.start(EventLoop.Configuration(backend: backend))
    let samples = try await measure(server, client)
    await client.shutdown()
    await server.shutdown()
    return Latency(samples)
  }

  private func measure(_ server: EventLoop, _ client: EventLoop) async throws -> [Int] {
    let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:0"), on: server)
    let paused = try TCPListener.bind(to: SocketAddress("127.0.0.1:0"), on: server)
    let serving = Task(executorPreference: server.taskExecutor) {
      try await listener.serve { connection in
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    }
    let pausing = Task(executorPreference: server.taskExecutor) {
      // Reads once, so that receiving is on, and then never again.
      try await paused.serve { connection in
        _ = try await connection.receive()?.count
        try await server.sleep(for: .seconds(1000))
      }
    }
    let disturbance = disturbance
    let disturbing = Task {
      try await disturbance.run(against: listener.address, paused.address, server: server, client: client)
    }
    try await client.sleep(for: .milliseconds(100))
    let samples = try await roundTrips(to: listener.address, client)
    disturbing.cancel()
    serving.cancel()
    pausing.cancel()
    _ = await (disturbing.result, serving.result, pausing.result)
    await listener.close()
    await paused.close()
    return samples
  }

  private func roundTrips(to address: SocketAddress, _ client: EventLoop) async throws -> [Int] {
    try await withThrowingTaskGroup(of: [Int].self) { group in
      for number in 0..<Trial.connections {
        group.addTask(executorPreference: client.taskExecutor) {
          try await Trial.roundTrips(number, address, client)
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }

  private static func roundTrips(_ number: Int, _ address: SocketAddress, _ client: EventLoop) async throws -> [Int] {
    let message = [UInt8](repeating: UInt8(number), count: 64)
    var samples: [Int] = []
    try await TCPConnection.withConnection(to: address, on: client) { connection in
      let start = ContinuousClock.now + period * number / connections
      for round in 0..<Int(FairnessBench.seconds * 100) {
        try await client.sleep(until: start + period * round)
        let sent = ContinuousClock.now
        try await connection.send(message)
        var received = 0
        while received < 64, let chunk = try await connection.receive() { received += chunk.count }
        samples.append(Int((ContinuousClock.now - sent) / .nanoseconds(1)))
      }
    }
    return samples
  }
}
