import Gyre
import Testing

@Suite struct ExamplesProxyTests {
  /// A proxy in front of an echo server, each with the same backend.
  private func withProxiedEcho(
    _ backend: Backend,
    _ body: @escaping @Sendable (ExampleProgram) async throws -> Void
  ) async throws {
    try await ExampleProgram.run("Echo", backend: backend) { echo in
      try await ExampleProgram.run("Proxy", "\(echo.address)", backend: backend, body)
    }
  }

  /// All that is sent comes back, though nothing is read until everything is on its way; then the end is passed on from
  /// the client to the server, and from the server to the client.
  @Test(arguments: ExampleProgram.backends)
  func aMebibyteGoesThereAndBack(backend: Backend) async throws {
    try await withProxiedEcho(backend) { proxy in
      let connection = try await proxy.connect()
      let sent = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      async let sending: Void = {
        try await connection.send(sent)
        try await connection.shutdown(.send)
      }()
      let received = try await connection.bytes(sent.count)
      try await sending
      #expect(received == sent)
      #expect(try await connection.isAtEnd())
      await connection.close()
    }
  }

  /// The server has heard the end before it says its first word.
  @Test(arguments: ExampleProgram.backends)
  func aHalfCloseIsPassedOnAndTheOtherHalfStaysOpen(backend: Backend) async throws {
    try await withTarget(backend) { client, server in
      try await client.send("question")
      try await client.shutdown(.send)
      #expect(String(decoding: try await server.bytes(8), as: UTF8.self) == "question")
      #expect(try await server.isAtEnd())
      try await server.send("answer")
      #expect(String(decoding: try await client.bytes(6), as: UTF8.self) == "answer")
      await server.close()
      #expect(try await client.isAtEnd())
    }
  }

  /// After some bytes, which arrive.
  @Test(arguments: ExampleProgram.backends)
  func aResetIsPassedOnBothWays(backend: Backend) async throws {
    for fromServer in [false, true] {
      try await withTarget(backend) { client, server in
        let (one, other) = fromServer ? (server, client) : (client, server)
        try await one.send("half of it")
        #expect(String(decoding: try await other.bytes(10), as: UTF8.self) == "half of it")
        await one.reset()
        #expect(await isReset(other))
      }
    }
  }

  /// The other half may have ended before.
  @Test(arguments: ExampleProgram.backends)
  func aResetAfterAHalfCloseIsPassedOn(backend: Backend) async throws {
    try await withTarget(backend) { client, server in
      try await client.send("question")
      try await client.shutdown(.send)
      _ = try await server.bytes(8)
      #expect(try await server.isAtEnd())
      try await server.send("half of the")
      _ = try await client.bytes(11)
      await server.reset()
      #expect(await isReset(client))
    }
  }

  /// The proxy waits in a `send` to one side, which does not read, when that side is reset, or the other one.
  @Test(arguments: ExampleProgram.backends)
  func aResetDuringASendIsPassedOn(backend: Backend) async throws {
    for resetsReader in [false, true] {
      try await withTarget(backend) { client, server in
        // Until nothing moves any more: the kernel's buffers of all four sockets are full.
        await #expect(throws: TimeoutError.self) {
          try await withTimeout(.seconds(1)) {
            while true { try await server.send([UInt8](repeating: 7, count: 1 << 20)) }
          }
        }
        if resetsReader {
          await client.reset()
          #expect(await isReset(server))
        } else {
          await server.reset()
          #expect(await isReset(client))
        }
      }
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func aTargetThatRefusesEndsTheClientAndNotTheProxy(backend: Backend) async throws {
    try await ExampleProgram.onLoop {
      // Bound and closed again: a port where nobody listens.
      let listener = try TCPListener.bind(to: .loopback(port: 0))
      await listener.close()
      try await ExampleProgram.run("Proxy", "\(listener.address)", backend: backend) { proxy in
        for _ in 0..<2 {
          let connection = try await proxy.connect()
          #expect(await isReset(connection))
          await connection.close()
        }
      }
    }
  }

  /// Whether the stream is cut, after what is left of it.
  private func isReset(_ connection: TCPConnection) async -> Bool {
    do {
      while try await connection.receive() != nil {}
      return false
    } catch {
      return (error as? SocketError)?.errno == .connectionReset
    }
  }

  /// A client, and the connection that the proxy has made for it to a listener of this process.
  private func withTarget(
    _ backend: Backend,
    _ body: @escaping @Sendable (_ client: TCPConnection, _ server: TCPConnection) async throws -> Void
  ) async throws {
    try await ExampleProgram.onLoop {
      let listener = try TCPListener.bind(to: .loopback(port: 0))
      try await ExampleProgram.run("Proxy", "\(listener.address)", backend: backend) { proxy in
        let client = try await proxy.connect()
        let server = try await listener.accept()
        try await body(client, server)
        await client.close()
        await server.close()
      }
      await listener.close()
    }
  }
}
