import Gyre

/// Two connections, and the bytes between them.
struct Relay {
  let client: TCPConnection
  let server: TCPConnection

  /// Copies both ways until both streams have ended. When one is cut, so is the other: the server is reset, and what is
  /// thrown tells the caller to do the same with the client.
  func run() async throws {
    do {
      // An error in one direction cancels the other.
      try await withThrowingDiscardingTaskGroup { group in
        group.addTask { try await copy(from: client, to: server) }
        group.addTask { try await copy(from: server, to: client) }
      }
    } catch {
      await server.reset()
      throw error
    }
  }

  /// Copies until the stream ends, and passes its end on; the other direction may still have much to say.
  ///
  /// This is all the backpressure there is to write: `send` returns when the kernel has taken the chunk, and only then is
  /// more received. Meanwhile the loop's buffers for the connection fill, then the kernel's, then the sender's window.
  private func copy(from source: TCPConnection, to sink: TCPConnection) async throws {
    while let chunk = try await source.receive() { try await sink.send(chunk) }
    try await sink.shutdown(.send)
  }
}
