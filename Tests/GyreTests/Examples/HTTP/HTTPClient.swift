import Gyre
import Testing

/// A client of the HTTP example that writes its requests itself.
final class HTTPClient {
  struct Answer {
    let status: Int
    /// The lines between the first one and the body.
    let fields: [String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    func field(_ name: String) -> String? {
      fields.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }
  }

  let connection: TCPConnection
  private var received: [UInt8] = []

  init(_ program: ExampleProgram, _ options: TCPOptions = TCPOptions()) async throws {
    connection = try await program.connect(options)
  }

  /// Sends a request and returns its answer.
  func ask(_ text: String, isHead: Bool = false) async throws -> Answer {
    try await connection.send(text)
    return try await answer(isHead: isHead)
  }

  /// The next answer.
  func answer(isHead: Bool = false) async throws -> Answer {
    var lines: [String] = []
    while let line = try await line(), !line.isEmpty { lines.append(line) }
    let first = try #require(lines.first, "the connection ended before an answer")
    try #require(first.hasPrefix("HTTP/1.1 "), "“\(first)” is no status line")
    let status = try #require(Int(first.dropFirst(9).prefix(3)))
    let answer = Answer(status: status, fields: Array(lines.dropFirst()), body: [])
    guard status != 100, !isHead else { return answer }
    let count = try #require(answer.field("Content-Length").flatMap { Int($0) })
    while received.count < count { try #require(try await receive(), "the connection ended within an answer") }
    defer { received.removeFirst(count) }
    return Answer(status: status, fields: answer.fields, body: Array(received.prefix(count)))
  }

  /// Whether the server has ended the stream and nothing more was sent.
  func isAtEnd() async throws -> Bool {
    guard received.isEmpty else { return false }
    return try await connection.isAtEnd()
  }

  private func line() async throws -> String? {
    while true {
      if let end = received.firstIndex(of: 10) {
        defer { received.removeSubrange(...end) }
        return String(decoding: received[..<end].dropLast(), as: UTF8.self)
      }
      guard try await receive() else { return nil }
    }
  }

  private func receive() async throws -> Bool {
    guard let chunk = try await connection.receive()?.copy() else { return false }
    received += chunk
    return true
  }
}
