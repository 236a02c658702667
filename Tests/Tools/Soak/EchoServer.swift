import Gyre

/// Echoes in each of the ways that there are, one for a connection.
struct EchoServer: Sendable {
  /// Where some connections move.
  let other: EventLoop

  @Sendable
  func serve(_ connection: TCPConnection) async throws {
    switch try await connection.remoteAddress.port % 4 {
    case 0: try await EchoServer.sendChunks(connection)
    case 1: try await EchoServer.copy(connection)
    case 2:
      var next = try await connection.receive()
      while let chunk = next.take() { next = try await connection.exchange(chunk) }
    default:
      let moved = try await connection.move(to: other)
      let serving = Task(executorPreference: other.taskExecutor) { try await EchoServer.sendChunks(moved) }
      let result = await withTaskCancellationHandler {
        await serving.result
      } onCancel: {
        serving.cancel()
      }
      await moved.close()
      try result.get()
    }
  }

  private static func sendChunks(_ connection: TCPConnection) async throws {
    while let chunk = try await connection.receive() { try await connection.send(chunk) }
  }

  /// Through memory of its own.
  private static func copy(_ connection: TCPConnection) async throws {
    var memory = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try await receive(from: connection, into: &memory)
      if count == 0 { return }
      try await connection.send(memory.span.bytes.extracting(0..<count))
    }
  }

  private static func receive(from connection: TCPConnection, into memory: inout [UInt8]) async throws -> Int {
    var span = memory.mutableSpan
    var bytes = span.mutableBytes
    return try await connection.receive(into: &bytes)
  }
}
