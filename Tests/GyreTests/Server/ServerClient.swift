import Glibc
import Testing

@testable import Gyre

/// A connection to the server fixture.
struct ServerClient {
  let connection: TCPConnection

  static func connect(to server: ServerProcess) async throws -> ServerClient {
    ServerClient(connection: try await TCPConnection.connect(to: server.address))
  }

  /// A client of each worker of a server that has so many.
  static func connectToEach(of count: Int, _ server: ServerProcess) async throws -> [pid_t: ServerClient] {
    var clients: [pid_t: ServerClient] = [:]
    for _ in 0..<2000 where clients.count < count {
      // Two at a time: with one, a shared listener could always wake the same worker.
      let pair = [try await connect(to: server), try await connect(to: server)]
      for client in pair {
        let process = try await client.executor().process
        if clients[process] == nil { clients[process] = client } else { await client.close() }
      }
    }
    try #require(clients.count == count, "not every worker accepts")
    return clients
  }

  /// Sends a line and returns the answer without its line feed; `nil` if the server closed the connection instead.
  func ask(_ line: String) async throws -> String? {
    try await connection.send(line + "\n")
    return try await answer()
  }

  func answer() async throws -> String? {
    var bytes: [UInt8] = []
    while bytes.last != UInt8(ascii: "\n") {
      guard let chunk = try await connection.receive() else { return nil }
      bytes += chunk.copy()
    }
    return String(decoding: bytes.dropLast(), as: UTF8.self)
  }

  /// The process and the thread that execute this connection's messages.
  func executor() async throws -> (process: pid_t, thread: String) {
    let words = try await ask("who")?.split(separator: " ") ?? []
    guard words.count == 2, let process = pid_t(words[0]) else {
      throw ServerProcessError(description: "the server said “\(words)”")
    }
    return (process, String(words[1]))
  }

  func close() async { await connection.close() }
}
