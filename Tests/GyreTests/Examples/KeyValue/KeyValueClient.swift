import Gyre
import Testing

/// A client of the KeyValue example that reads what it gets itself.
final class KeyValueClient {
  let connection: TCPConnection
  private var received: ArraySlice<UInt8> = []

  init(_ program: ExampleProgram) async throws { connection = try await program.connect() }

  /// Runs a server with its image in a directory of its own.
  static func withServer(
    _ backend: Backend,
    _ body: @escaping @Sendable (ExampleProgram, KeyValueClient) async throws -> Void
  ) async throws {
    try await TemporaryDirectory.with { directory in
      try await ExampleProgram.run("KeyValue", directory + "/image", backend: backend) { program in
        try await body(program, try await KeyValueClient(program))
      }
    }
  }

  /// Gives one command and returns its answer.
  func run(_ words: String...) async throws -> RESPValue { try await run(words) }

  func run(_ words: [String]) async throws -> RESPValue {
    try await connection.send(KeyValueClient.request(words))
    return try await answer()
  }

  /// A request as bytes.
  static func request(_ words: [String]) -> [UInt8] {
    Array("*\(words.count)\r\n".utf8) + words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
  }

  /// The value of a field of `INFO`.
  func information(_ field: String) async throws -> String {
    guard case .bulk(let text) = try await run("INFO") else { return "no bulk string" }
    let line = text.split(separator: "\r\n").first { $0.hasPrefix(field + ":") }
    return String(try #require(line, "INFO has no \(field)").dropFirst(field.count + 1))
  }

  /// Waits until `INFO` has a value in a field. The caller's deadline bounds the wait.
  func waitUntil(_ field: String, is value: String) async throws {
    while try await information(field) != value { try await connection.loop.sleep(for: .milliseconds(2)) }
  }

  /// Sets `key 0`, `key 1`, … to `word 0`, `word 1`, …
  func fill(_ count: Int, _ word: String) async throws {
    for first in stride(from: 0, to: count, by: 500) {
      let numbers = first..<min(first + 500, count)
      try await connection.send(numbers.flatMap { KeyValueClient.request(["SET", "key \($0)", "\(word) \($0)"]) })
      for _ in numbers { #expect(try await answer() == .ok) }
    }
  }

  /// The next answer.
  func answer() async throws -> RESPValue {
    let line = try await line()
    let rest = String(line.dropFirst())
    switch line.first {
    case "+": return .simple(rest)
    case "-": return .error(rest)
    case ":": return .integer(try #require(Int(rest)))
    case "$":
      let count = try #require(Int(rest))
      if count < 0 { return .null }
      let bytes = try await bytes(count + 2)
      #expect(bytes.suffix(2).elementsEqual([13, 10]))
      return .bulk(String(decoding: bytes.dropLast(2), as: UTF8.self))
    case "_": return .null
    case "%":
      var pairs: [RESPValue: RESPValue] = [:]
      for _ in 0..<(try #require(Int(rest))) {
        let key = try await answer()
        pairs[key] = try await answer()
      }
      return .map(pairs)
    case "*":
      var elements: [RESPValue] = []
      for _ in 0..<(try #require(Int(rest))) { elements.append(try await answer()) }
      return .array(elements)
    default:
      Issue.record("“\(line)” is no answer")
      return .null
    }
  }

  /// Whether the server has closed the connection and nothing more was sent.
  func isAtEnd() async throws -> Bool {
    guard received.isEmpty else { return false }
    return try await connection.isAtEnd()
  }

  private func line() async throws -> String {
    while true {
      if let end = received.firstIndex(of: 10) {
        defer { received = received[(end + 1)...] }
        return String(decoding: received[..<end].dropLast(), as: UTF8.self)
      }
      try await receive()
    }
  }

  private func bytes(_ count: Int) async throws -> ArraySlice<UInt8> {
    while received.count < count { try await receive() }
    defer { received = received.dropFirst(count) }
    return received.prefix(count)
  }

  private func receive() async throws {
    let chunk = try #require(try await connection.receive()?.copy(), "the server has closed the connection")
    received += chunk
  }
}
