import Testing

@testable import Gyre

/// Sends of a task that is all its loop has to do: they go out by a call of their own.
@Suite(.serialized)
struct SendAtOnceTests {
  /// Sends after which a direct descriptor gets an ordinary one; the tests end around it.
  private static let installing = 8

  @Test(arguments: Backends.available)
  func aLoneSenderNeedsNoOperation(_ backend: Backend) async throws {
    try await Self.withServer(backend) { server in
      let before = server.loop.driver.counters.calls
      while let chunk = try await server.receive() { try await server.send(chunk) }
      #expect(server.loop.driver.counters.calls > before)
    } client: { client in
      try await Self.ask(client, 4 * Self.installing)
    }
  }

  @Test(arguments: Backends.available)
  func aLoneExchangeNeedsNone(_ backend: Backend) async throws {
    try await Self.withServer(backend) { server in
      var before: UInt64?
      var next = try await server.receive()
      while let chunk = next.take() {
        before = before ?? server.loop.driver.counters.calls
        next = try await server.exchange(chunk)
      }
      #expect(server.loop.driver.counters.calls > before!)
      #expect(server.loop.driver.buffers.held == 0)
    } client: { client in
      try await Self.ask(client, 4 * Self.installing)
    }
  }

  /// The peer does not read at first, so that calls take a part or nothing, and operations the rest.
  @Test(arguments: Backends.available)
  func everySmallSendArrivesInOrderThoughThePeerReadsLate(_ backend: Backend) async throws {
    let message = (0..<5003).map { UInt8(truncatingIfNeeded: $0) }
    try await Self.withServer(backend) { server in
      for _ in 0..<Self.installing { _ = try await server.receive(); try await server.send("x") }
      _ = try await server.receive()
      for _ in 0..<2000 { try await server.send(message) }
    } client: { client in
      try await Self.ask(client, Self.installing)
      try await client.send("go")
      try await client.loop.sleep(for: .milliseconds(20))
      var (position, count) = (0, 0)
      while let chunk = try await client.receive() {
        for byte in chunk.copy() {
          guard byte == message[position] else {
            Issue.record("byte \(count) is another one")
            return
          }
          position = (position + 1) % message.count
          count += 1
        }
      }
      #expect(count == 2000 * message.count)
    }
  }

  @Test(arguments: Backends.available)
  func aResetIsTheSendersError(_ backend: Backend) async throws {
    try await Self.withServer(backend) { server in
      while let chunk = try await server.receive(), chunk.count == 1 { try await server.send(chunk) }
      // The first send after the reset may still be taken, and the receive may have told of it already.
      await #expect(throws: SocketError.self) {
        for _ in 0..<1000 {
          try await server.send("x")
          try await server.loop.sleep(for: .milliseconds(1))
        }
      }
    } client: { client in
      try await Self.ask(client, 2 * Self.installing)
      // Closing with an answer unread is a reset.
      try await client.send("x")
      try await client.send("end")
      try await client.loop.sleep(for: .milliseconds(5))
    }
  }

  /// The descriptor that is being installed is closed with the connection.
  @Test(arguments: Backends.available, [installing - 1, installing, installing + 1])
  func closingAroundTheInstallationLeavesNothing(_ backend: Backend, _ sends: Int) async throws {
    for _ in 0..<20 {
      try await Self.withServer(backend) { server in
        for _ in 0..<sends {
          _ = try await server.receive()
          try await server.send("x")
        }
      } client: { client in
        try await Self.ask(client, sends)
        let end = try await client.receive()?.count
        #expect(end == nil)
      }
    }
  }

  /// A connection whose options were asked for has an ordinary descriptor already.
  @Test(arguments: Backends.available)
  func aDescriptorThatIsThereIsUsed(_ backend: Backend) async throws {
    try await Self.withServer(backend) { server in
      _ = try await server.localAddress
      while let chunk = try await server.receive() { try await server.send(chunk) }
    } client: { client in
      try await Self.ask(client, 4 * Self.installing)
    }
  }

  @Test(arguments: Backends.available, [installing - 1, installing, installing + 1])
  func aConnectionMovesThoughItsDescriptorIsBeingInstalled(_ backend: Backend, _ sends: Int) async throws {
    try await withLoops([backend, backend, backend]) { loops in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loops[1])
      let serving = Task(executorPreference: loops[1].taskExecutor) {
        try await listener.accept().withScope { connection in
          for _ in 0..<sends {
            _ = try await connection.receive()
            try await connection.send("x")
          }
          let moved = try await connection.move(to: loops[2])
          _ = try await moved.receive()
          try await moved.send("y")
          await moved.close()
        }
      }
      let client = try await TCPConnection.connect(to: listener.address, on: loops[0])
      try await Self.ask(client, sends)
      try await client.send("x")
      #expect(try await client.receive()?.text == "y")
      await client.close()
      try await serving.value
      await listener.close()
    }
  }

  /// Asks a number of times, one after the other.
  private static func ask(_ client: TCPConnection, _ count: Int) async throws {
    for _ in 0..<count {
      try await client.send("x")
      #expect(try await client.receive()?.text == "x")
    }
  }

  /// Runs `server` as the handler of one connection on a loop of its own, and `client` at its other end.
  private static func withServer(
    _ backend: Backend,
    _ server: @escaping @Sendable (TCPConnection) async throws -> Void,
    client: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws {
    try await withLoops([backend, backend]) { loops in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loops[1])
      let serving = Task(executorPreference: loops[1].taskExecutor) {
        let connection = try await listener.accept()
        try await connection.withScope(server)
      }
      try await TCPConnection.withConnection(to: listener.address, on: loops[0], client)
      try await serving.value
      await listener.close()
    }
  }
}
