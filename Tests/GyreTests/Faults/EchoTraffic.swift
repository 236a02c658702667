@testable import Gyre

/// Connections that send messages to an echo server on the same loop and compare what comes back.
struct EchoTraffic {
  struct StreamEnded: Error {}
  struct WrongBytes: Error {}

  let loop: EventLoop
  let connections: Int
  let messages: Int
  /// What the server does with a connection.
  var handler: @Sendable (TCPConnection) async throws -> Void = EchoTraffic.echo

  /// Runs all connections to their ends and returns what went wrong on them.
  func run() async throws -> [any Error] {
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    return try await withThrowingTaskGroup(of: [any Error].self) { group in
      group.addTask {
        try await listener.serve(handler)
        return []
      }
      for number in 0..<connections {
        group.addTask { await connect(number, to: listener.address) }
      }
      var failures: [any Error] = []
      for _ in 0..<connections { failures += try await group.next()! }
      await listener.close()
      for try await _ in group {}
      return failures
    }
  }

  /// A third of the servers send chunks back, a third exchanges them, the others use their own memory; all of them ask for their
  /// peer's address.
  @Sendable
  private static func echo(_ connection: TCPConnection) async throws {
    // The kernel prefers every other port.
    switch try await connection.remoteAddress.port / 2 % 3 {
    case 0: while let chunk = try await connection.receive() { try await connection.send(chunk) }
    case 1: try await exchange(connection)
    default: try await echoFromMemory(connection)
    }
  }

  @Sendable
  static func exchange(_ connection: TCPConnection) async throws {
    var next = try await connection.receive()
    while let chunk = next.take() { next = try await connection.exchange(chunk) }
  }

  private static func echoFromMemory(_ connection: TCPConnection) async throws {
    var memory = [UInt8](repeating: 0, count: 300)
    while true {
      let count = try await receive(from: connection, into: &memory)
      if count == 0 { return }
      try await connection.send(parts: [Array(memory[..<(count / 2)]), Array(memory[(count / 2)..<count])])
    }
  }

  private static func receive(from connection: TCPConnection, into memory: inout [UInt8]) async throws -> Int {
    var span = memory.mutableSpan
    var bytes = span.mutableBytes
    return try await connection.receive(into: &bytes)
  }

  private func connect(_ number: Int, to address: SocketAddress) async -> [any Error] {
    do {
      try await TCPConnection.withConnection(to: address, on: loop) { connection in
        for message in 0..<messages { try await roundTrip(number &+ message &* 31, connection) }
      }
      return []
    } catch {
      return [error]
    }
  }

  private func roundTrip(_ start: Int, _ connection: TCPConnection) async throws {
    let message = ByteSequence.bytes(start..<(start + 1 + start % 700))
    try await connection.send(message)
    var answer: [UInt8] = []
    while answer.count < message.count {
      guard let chunk = try await connection.receive() else { throw StreamEnded() }
      answer += chunk.copy()
    }
    if answer != message { throw WrongBytes() }
  }
}
