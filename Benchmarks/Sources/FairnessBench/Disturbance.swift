import Gyre

/// What else happens on the loop.
enum Disturbance: String, CaseIterable, Sendable {
  case nothing
  case pausedReaders = "64 senders whose handler does not read"
  case stream = "one connection streaming at full speed"
  case yielding = "a task that yields for ever"
  case acceptStorm = "an accept storm of 10,000 connections"

  /// Runs until the task is cancelled, or is over by itself.
  func run(against address: SocketAddress, _ paused: SocketAddress, server: EventLoop, client: EventLoop) async throws {
    switch self {
    case .nothing: break
    case .pausedReaders:
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<64 {
          group.addTask(executorPreference: client.taskExecutor) {
            try await TCPConnection.withConnection(to: paused, on: client) { connection in
              while true { try await connection.send([UInt8](repeating: 1, count: 1 << 20)) }
            }
          }
        }
        try await group.waitForAll()
      }
    case .stream:
      try await TCPConnection.withConnection(to: address, on: client) { connection in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask(executorPreference: client.taskExecutor) {
            while true { try await connection.send([UInt8](repeating: 1, count: 1 << 16)) }
          }
          group.addTask(executorPreference: client.taskExecutor) { while try await connection.receive() != nil {} }
          try await group.waitForAll()
        }
      }
    case .yielding:
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask(executorPreference: server.taskExecutor) {
          while !Task.isCancelled { await Task.yield() }
        }
        try await group.waitForAll()
      }
    case .acceptStorm:
      for _ in 0..<100 {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<100 {
            group.addTask(executorPreference: client.taskExecutor) {
              await (try TCPConnection.connect(to: address, on: client)).close()
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }
}
