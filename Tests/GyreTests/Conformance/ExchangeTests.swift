import Testing

@testable import Gyre

/// A send and the receive after it in one call: what it returns, what it throws, and what it holds meanwhile.
///
/// A task that owns its connection sleeps through the end of its send; any other makes two calls. Both are tested where they could
/// differ.
@Suite(.serialized)
struct ExchangeTests {
  private static let owned = [true, false]
  /// Owned or not, and with a loop that is idle or has other things to do, where no send goes out at once.
  private static let ownedAndBusy = [(true, true), (true, false), (false, true), (false, false)]
  /// More than the kernel takes before the peer reads.
  private static let large = [UInt8](repeating: 7, count: 16 << 20)

  @Test(arguments: Backends.available)
  func manyConnectionsGetTheirOwnBytesBack(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let traffic = EchoTraffic(loop: loop, connections: 16, messages: 60, handler: EchoTraffic.exchange)
      let refused = try await traffic.run()
      #expect(refused.isEmpty)
    }
  }

  @Test(arguments: Backends.available, owned)
  func everyFormSendsAndReceives(_ backend: Backend, _ isOwned: Bool) async throws {
    try await Self.with(backend, isOwned) { server in
      // Nothing to send: it only receives.
      var answers = [try await server.exchange("")?.text]
      answers.append(try await server.exchange("one")?.text)
      answers.append(try await server.exchange(Array("two".utf8))?.text)
      answers.append(try await server.exchange(Array("three".utf8).span.bytes)?.text)
      #expect(answers == ["0", "1", "2", "3"])
    } client: { client in
      try await client.send("0")
      for (sent, answer) in [("one", "1"), ("two", "2"), ("three", "3")] {
        #expect(try await client.receive(exactly: sent.utf8.count) == Array(sent.utf8))
        try await client.send(answer)
      }
    }
  }

  @Test(arguments: Backends.available, owned)
  func theEndOfTheStreamIsNil(_ backend: Backend, _ isOwned: Bool) async throws {
    try await Self.with(backend, isOwned) { server in
      for _ in 0..<3 {
        let isEnd = try await server.exchange("answer") == nil
        #expect(isEnd)
      }
    } client: { client in
      try await client.shutdown(.send)
      #expect(try await client.receive(exactly: 18).count == 18)
    }
  }

  @Test(arguments: Backends.available)
  func whoWaitsForTheNextBytesHoldsNoBuffer(_ backend: Backend) async throws {
    try await Self.with(backend, true, isBusy: true, EchoTraffic.exchange) { client in
      for _ in 0..<3 {
        try await client.send("x")
        #expect(try await client.receive(exactly: 1) == [120])
        try await eventually("given back") { client.loop.driver.buffers.held == 0 }
      }
    }
  }

  /// A chunk of one connection goes out on another, as in a proxy, where its buffer is the first one's.
  @Test(arguments: Backends.available)
  func aChunkOfAnotherConnectionIsSent(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { source in
        try await Pair.with(loop) { sink in
          let (from, to) = (source.server, sink.client)
          let relaying = start(on: loop) {
            try await to.withScope { to -> String? in
              guard let chunk = try await from.receive() else { return nil }
              return try await to.exchange(chunk)?.text
            }
          }
          try await source.client.send("question")
          #expect(try await sink.server.receive(exactly: 8) == Array("question".utf8))
          try await sink.server.send("answer")
          #expect(try await relaying.value == "answer")
          #expect(loop.driver.buffers.held == 0)
        }
      }
    }
  }

  // MARK: Failures

  @Test(arguments: Backends.available, ownedAndBusy)
  func aFailedSendIsTheSends(_ backend: Backend, _ how: (isOwned: Bool, isBusy: Bool)) async throws {
    let haveFailed = Shared(false)
    try await Self.with(backend, how.isOwned, isBusy: how.isBusy) { server in
      try await server.shutdown(.send)
      let fromChunk = await Self.failure {
        guard let chunk = try await server.receive() else { return }
        _ = try await server.exchange(chunk)?.count
      }
      let fromBytes = await Self.failure { _ = try await server.exchange("x")?.count }
      for failure in [fromChunk, fromBytes] {
        #expect(failure?.errno == .brokenPipe && failure?.operation == .send)
      }
      haveFailed.update { $0 = true }
      // The other direction is not touched.
      let more = try await server.receive()?.text
      #expect(more == "more")
    } client: { client in
      try await client.send("x")
      let end = try await client.receive()?.count
      #expect(end == nil)
      try await eventually("the sends have failed") { haveFailed.value }
      try await client.send("more")
    }
  }

  @Test(arguments: Backends.available, ownedAndBusy)
  func aResetIsTheReceives(_ backend: Backend, _ how: (isOwned: Bool, isBusy: Bool)) async throws {
    try await Self.with(backend, how.isOwned, isBusy: how.isBusy) { server in
      let failure = await Self.failure { _ = try await server.exchange("x")?.count }
      #expect(failure?.errno == .connectionReset && failure?.operation == .receive)
    } client: { client in
      #expect(try await client.receive(exactly: 1) == [120])
      try await Self.reset(client)
    }
  }

  @Test(arguments: Backends.available, owned)
  func aSecondReceiverIsRefused(_ backend: Backend, _ isOwned: Bool) async throws {
    try await Self.with(backend, isOwned) { server in
      let other = start(on: server.loop) { try await server.receive()?.text }
      try await eventually("it waits") { server.socket.isAwaited }
      let failure = await Self.failure { _ = try await server.exchange("x")?.count }
      #expect(failure?.errno == .busy && failure?.operation == .receive)
      try await server.send("y")
      #expect(try await other.value == "for the other")
    } client: { client in
      #expect(try await client.receive(exactly: 2) == Array("xy".utf8))
      try await client.send("for the other")
    }
  }

  // MARK: Order

  @Test(arguments: Backends.available, owned)
  func sendsOfOtherTasksKeepTheirOrder(_ backend: Backend, _ isOwned: Bool) async throws {
    let isReadable = Shared(false)
    try await Self.with(backend, isOwned) { server in
      let before = start(on: server.loop) { try await server.send([UInt8](repeating: 8, count: 16 << 20)) }
      try await eventually("it sends") { server.socket.payload != nil }
      let after = start(on: server.loop) {
        try await eventually("the exchange is queued") { server.socket.queuedSends == 1 }
        isReadable.update { $0 = true }
        try await server.send("z")
      }
      let answer = try await server.exchange(Self.large)?.text
      #expect(answer == "end")
      try await before.value
      try await after.value
    } client: { client in
      try await eventually("all have begun") { isReadable.value }
      let bytes = try await client.receive(exactly: 2 * Self.large.count + 1)
      #expect(bytes == [UInt8](repeating: 8, count: 16 << 20) + Self.large + [122])
      try await client.send("end")
    }
  }

  @Test(arguments: Backends.available, owned)
  func aSendOfAnotherTaskComesAfterIt(_ backend: Backend, _ isOwned: Bool) async throws {
    let isReadable = Shared(false)
    try await Self.with(backend, isOwned) { server in
      let after = start(on: server.loop) {
        try await eventually("the exchange sends") { server.socket.payload != nil }
        isReadable.update { $0 = true }
        try await server.send("z")
      }
      let answer = try await server.exchange(Self.large)?.text
      #expect(answer == "end")
      try await after.value
    } client: { client in
      try await eventually("both have begun") { isReadable.value }
      let bytes = try await client.receive(exactly: Self.large.count + 1)
      #expect(bytes == Self.large + [122])
      try await client.send("end")
    }
  }

  /// Bytes that have come do not end the call while there is something left to send.
  @Test(arguments: Backends.available, owned)
  func nothingIsReceivedBeforeAllIsSent(_ backend: Backend, _ isOwned: Bool) async throws {
    let (isThere, isRead) = (Shared(false), Shared(false))
    try await Self.with(backend, isOwned) { server in
      let watching = start(on: server.loop) {
        while try await server.buffers.receiveQueue < 5 { try await server.loop.sleep(for: .milliseconds(1)) }
        isThere.update { $0 = true }
      }
      let answer = try await server.exchange(Self.large)?.text
      #expect(answer == "early")
      #expect(isRead.value)
      watching.cancel()
    } client: { client in
      try await client.send("early")
      try await eventually("it waits in the kernel") { isThere.value }
      isRead.update { $0 = true }
      #expect(try await client.receive(exactly: Self.large.count) == Self.large)
    }
  }

  // MARK: Cancelling and closing

  /// Where an exchange is when it is ended from outside.
  enum Phase: CaseIterable {
    case sending
    case receiving

    var bytes: [UInt8] { self == .sending ? ExchangeTests.large : [1] }

    func isReached(by socket: StreamSocket) -> Bool {
      (socket.payload != nil) == (self == .sending) && socket.isAwaited
    }
  }

  @Test(arguments: Backends.available, Phase.allCases)
  func aCancelledTaskWaitsForTheKernel(_ backend: Backend, _ phase: Phase) async throws {
    for isOwned in Self.owned {
      try await Self.ending(backend, isOwned, phase) { _, exchange in
        exchange.cancel()
        await #expect(throws: CancellationError.self) { try await exchange.value }
      }
    }
  }

  @Test(arguments: Backends.available, Phase.allCases)
  func closingEndsIt(_ backend: Backend, _ phase: Phase) async throws {
    for isOwned in Self.owned {
      try await Self.ending(backend, isOwned, phase) { server, exchange in
        await server.close()
        let failure = await Self.failure { try await exchange.value }
        #expect(failure?.errno == .badFileDescriptor)
        #expect(failure?.operation == (phase == .sending ? .send : .receive))
      }
    }
  }

  @Test(arguments: Backends.available, Phase.allCases)
  func stoppingTheLoopEndsIt(_ backend: Backend, _ phase: Phase) async throws {
    for isOwned in Self.owned {
      try await Self.ending(backend, isOwned, phase) { server, exchange in
        server.loop.stop()
        await #expect(throws: CancellationError.self) { try await exchange.value }
      }
    }
  }

  @Test(arguments: Backends.available)
  func cancelledBeforehandNothingIsSent(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (server, started) = (pair.server, loop.driver.operations.started)
        let exchange = start(on: loop) {
          withUnsafeCurrentTask { $0!.cancel() }
          return try await server.exchange("never")?.text
        }
        await #expect(throws: CancellationError.self) { try await exchange.value }
        #expect(loop.driver.operations.started == started)
      }
    }
  }

  /// A connection whose hand-offs are watched has the steps of both calls.
  @Test(arguments: Backends.available)
  func aTraceSeesBothHalves(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let trace = try HandoffTrace()
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      listener.trace(to: trace)
      let serving = start(on: loop) {
        try await listener.serve(EchoTraffic.exchange)
      }
      try await TCPConnection.withConnection(to: listener.address, on: loop) { client in
        for _ in 0..<3 {
          let answer = try await client.exchange("x")?.text
          #expect(answer == "x")
        }
      }
      serving.cancel()
      _ = await serving.result
      await listener.close()
      let kinds = trace.events.map(\.handoff)
      #expect(kinds.count { $0 == .sendResumed } == 3)
      #expect(kinds.count { $0 == .receiveResumed } == 4)
    }
  }

  // MARK: Ends of a connection

  /// Runs `server` at one end of a connection, as its owner or not, and `client` at the other, on one loop.
  ///
  /// - Parameter isBusy: whether the loop always has something else to do, so that no send goes out at once.
  private static func with(
    _ backend: Backend,
    _ isOwned: Bool,
    isBusy: Bool = false,
    _ server: @escaping @Sendable (TCPConnection) async throws -> Void,
    client: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws {
    try await withLoop(backend) { loop in
      let yielding = start(on: loop) { while isBusy && !Task.isCancelled { await Task.yield() } }
      try await Pair.with(loop) { pair in
        let (connection, peer) = (pair.server, pair.client)
        let serving = start(on: loop) {
          if isOwned { try await connection.withScope(server) } else { try await server(connection) }
        }
        try await client(peer)
        await peer.close()
        try await serving.value
      }
      yielding.cancel()
    }
  }

  /// Starts an exchange that never ends by itself, and has `end` end it once it has come to `phase`.
  private static func ending(
    _ backend: Backend,
    _ isOwned: Bool,
    _ phase: Phase,
    _ end: @escaping @Sendable (TCPConnection, Task<Void, any Error>) async throws -> Void
  ) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let exchange = start(on: loop) {
          let body: @Sendable (TCPConnection) async throws -> Void = { _ = try await $0.exchange(phase.bytes)?.count }
          if isOwned { try await server.withScope(body) } else { try await body(server) }
        }
        try await eventually("it has come to \(phase)") { phase.isReached(by: server.socket.onLoop) }
        try await end(server, exchange)
      }
    }
  }

  private static func reset(_ client: TCPConnection) async throws {
    try await Pair(client: client, server: client).resetClient()
  }

  private static func failure(_ body: () async throws -> Void) async -> SocketError? {
    do {
      try await body()
      Issue.record("nothing was thrown")
    } catch let error as SocketError {
      return error
    } catch {
      Issue.record("not a SocketError: \(error)")
    }
    return nil
  }
}
