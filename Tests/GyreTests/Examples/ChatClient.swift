import Gyre

/// Somebody who uses the chat.
final class ChatClient {
  private let connection: TCPConnection
  private var received: [UInt8] = []

  private init(_ connection: TCPConnection) { self.connection = connection }

  /// Connects and reads the welcome.
  static func connect(to chat: ExampleProgram, _ options: TCPOptions = TCPOptions()) async throws -> ChatClient {
    let client = ChatClient(try await chat.connect(options))
    _ = try await client.line()
    return client
  }

  /// Connects, says a name, and reads the answer.
  static func join(
    _ chat: ExampleProgram,
    as name: String,
    _ options: TCPOptions = TCPOptions()
  ) async throws -> ChatClient {
    let client = try await connect(to: chat, options)
    try await client.say(name)
    _ = try await client.line()
    return client
  }

  func say(_ line: String) async throws { try await connection.send(line + "\n") }

  /// The next line; `nil` at the end of the stream.
  func line() async throws -> String? {
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        defer { received.removeSubrange(...end) }
        return String(decoding: received[..<end], as: UTF8.self)
      }
      guard let chunk = try await connection.receive() else { return nil }
      received += chunk.copy()
    }
  }

  func leave() async { await connection.close() }
}
