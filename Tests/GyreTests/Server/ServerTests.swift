import Glibc
import Testing

@testable import Gyre

/// One handler under every execution pattern.
@Suite(.serialized)
struct ServerTests {
  static let combinations = Backends.available.flatMap { backend in ServerProcess.patterns.map { (backend, $0) } }

  @Test(arguments: combinations)
  func everyPatternAnswersAndDrains(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--number", "3"], backend)
    try await onServerLoop {
      var clients: [ServerClient] = []
      for _ in 0..<3 { clients.append(try await ServerClient.connect(to: server)) }
      for (index, client) in clients.enumerated() {
        #expect(try await client.ask("hello \(index)") == "hello \(index)")
        // Two at once, and one in two parts.
        try await client.connection.send("one\ntwo\nth")
        try await client.connection.send("ree\n")
        var text = ""
        while text.count < 14, let chunk = try await client.connection.receive() { text += chunk.text }
        #expect(text == "one\ntwo\nthree\n")
      }
      // Draining lets a connection go on.
      server.signal(SIGTERM)
      #expect(try await clients[0].ask("still here") == "still here")
      for client in clients { await client.close() }
    }
    #expect(try server.ending() == 0)
  }

  /// While one connection goes on, every other client is served, if it came before the end of listening, or refused.
  @Test(arguments: combinations)
  func newClientsAreRefusedDuringADrain(_ backend: Backend, _ pattern: String) async throws {
    try await expectRefusals(backend, pattern) { $0.signal(SIGTERM) }
  }

  /// Clients that are connected as far as they know, while their handshake has not ended here.
  @Test(arguments: combinations)
  func aHandshakeThatIsUnderWayWhenADrainBeginsIsServed(_ backend: Backend, _ pattern: String) async throws {
    let manager = try NotifySocket()
    let server = try ServerProcess(
      pattern,
      ["--number", "2", "--drain", "60", "--deferred"],
      backend,
      environment: ["NOTIFY_SOCKET=\(manager.path)"]
    )
    #expect(try manager.next() == "READY=1")
    try await onServerLoop {
      var clients: [ServerClient] = []
      for _ in 0..<5 { clients.append(try await ServerClient.connect(to: server)) }
      server.signal(SIGTERM)
      #expect(try manager.next() == "STOPPING=1")
      // A round trip of a client in another country.
      try await EventLoop.current!.sleep(for: .milliseconds(20))
      for (number, client) in clients.enumerated() { try await client.connection.send("far \(number)\n") }
      for (number, client) in clients.enumerated() {
        #expect(try await client.answer() == "far \(number)")
        await client.close()
      }
    }
    #expect(try server.ending() == 0)
  }

  /// A service manager signals all processes at once, and a terminal does: none of them may close a socket too early.
  @Test(
    arguments: combinations.filter { ["processes-shared", "processes-reuseport"].contains($0.1) },
    [SIGTERM, SIGINT]
  )
  func newClientsAreRefusedWhenAllProcessesAreSignalled(_ of: (Backend, String), _ signal: Int32) async throws {
    for _ in 0..<3 { try await expectRefusals(of.0, of.1) { _ = kill(-$0.number, signal) } }
  }

  /// A supervisor that is late has closed no queue yet: who got into one would be reset.
  @Test(arguments: combinations.filter { ["processes-shared", "processes-reuseport"].contains($0.1) })
  func workersAcceptUntilTheirSupervisorDrainsToo(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--number", "2", "--drain", "60"], backend)
    server.signal(SIGSTOP)
    _ = kill(-server.number, SIGTERM)
    try await onServerLoop {
      for number in 0..<20 {
        let client = try await ServerClient.connect(to: server)
        #expect(try await client.ask("\(number)") == "\(number)")
        await client.close()
        try await EventLoop.current!.sleep(for: .milliseconds(20))
      }
    }
    server.signal(SIGCONT)
    #expect(try server.ending() == 0)
  }

  private func expectRefusals(
    _ backend: Backend,
    _ pattern: String,
    whenDrainedBy drain: @escaping @Sendable (ServerProcess) -> Void
  ) async throws {
    let server = try ServerProcess(pattern, ["--number", "2", "--drain", "60"], backend)
    try await onServerLoop {
      let held = try await ServerClient.connect(to: server)
      #expect(try await held.ask("here") == "here")
      drain(server)
      let error = await #expect(throws: SocketError.self) {
        while true {
          let client = try await ServerClient.connect(to: server)
          #expect(try await client.ask("in time") == "in time")
          await client.close()
        }
      }
      #expect(error?.errno == .connectionRefused, "\(String(describing: error))")
      #expect(try await held.ask("still here") == "still here")
      await held.close()
    }
    #expect(try server.ending() == 0)
  }

  static let threadCombinations = combinations.filter {
    ["reusePort", "sharedListener", "acceptor", "messageBalanced"].contains($0.1)
  }

  /// A drain begins though no thread that runs handlers can do anything about it. What such a thread has to accept, it accepts
  /// later.
  @Test(arguments: threadCombinations)
  func aDrainRefusesNewClientsWhileAllHandlersKeepTheirThreads(_ backend: Backend, _ pattern: String) async throws {
    let manager = try NotifySocket()
    let server = try ServerProcess(
      pattern,
      ["--number", "2", "--drain", "60"],
      backend,
      environment: ["NOTIFY_SOCKET=\(manager.path)"]
    )
    #expect(try manager.next() == "READY=1")
    try await onServerLoop {
      let (stall, busy) = (Stall(), try await clientsOfBothThreads(of: server))
      for client in busy { try await stall.hold(client) }
      server.signal(SIGTERM)
      var inTime: [ServerClient] = []
      let isRefused = await Patience.until {
        do {
          // Slowly, so that no queue and no limit is full before patience ends.
          try await EventLoop.current!.sleep(for: .milliseconds(50))
          inTime.append(try await withTimeout(.milliseconds(500)) { try await ServerClient.connect(to: server) })
          return false
        } catch {
          // A busy thread still has its socket: then a new client hears nothing.
          return error is TimeoutError || (error as? SocketError)?.errno == .connectionRefused
        }
      }
      #expect(isRefused, "\(inTime.count) clients connected")
      #expect(try manager.next() == "STOPPING=1")
      stall.end()
      for client in busy {
        #expect(try await client.answer() == "let go")
        await client.close()
      }
      for client in inTime {
        #expect(try await client.ask("in time") == "in time")
        await client.close()
      }
    }
    #expect(try server.ending() == 0)
  }

  /// Whichever thread it is that one handler keeps.
  @Test(arguments: threadCombinations, [0, 1])
  func theDrainTimeEndsForOthersWhileAHandlerKeepsItsThread(_ of: (Backend, String), _ place: Int) async throws {
    let server = try ServerProcess(of.1, ["--number", "2", "--drain", "0.1"], of.0)
    try await onServerLoop {
      let (stall, clients) = (Stall(), try await clientsOfBothThreads(of: server))
      // Messages go to any thread that is free: there both are kept, and the connections are the front's.
      let busy = of.1 == "messageBalanced" ? clients : [clients[place]]
      let idle = of.1 == "messageBalanced" ? try await ServerClient.connect(to: server) : clients[1 - place]
      for client in busy { try await stall.hold(client) }
      server.signal(SIGTERM)
      let isClosed = try await withTimeout(Patience.seconds(20)) { try await idle.connection.receive() == nil }
      #expect(isClosed)
      stall.end()
      for client in clients + [idle] { await client.close() }
    }
    #expect(try server.ending() == 0)
  }

  /// A client whose messages each of the server's two threads handles, in the order of the threads. With `messageBalanced`,
  /// where threads take messages in turn, just two clients.
  private func clientsOfBothThreads(of server: ServerProcess) async throws -> [ServerClient] {
    var clients: [String: ServerClient] = [:]
    let areFound = try await Patience.until {
      let client = try await ServerClient.connect(to: server)
      let thread = try await client.executor().thread
      if clients[thread] == nil { clients[thread] = client } else { await client.close() }
      return clients.count == 2
    }
    try #require(areFound, "one thread handles everything")
    return clients.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Nobody can accept while all of the server's threads are busy; SIGTERM comes before they can again.
  @Test(arguments: combinations)
  func whatWaitsInTheQueuesWhenADrainBeginsIsServed(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--number", "1", "--drain", "60"], backend)
    try await onServerLoop {
      let busy = try await ServerClient.connect(to: server)
      #expect(try await busy.ask("here") == "here")
      let stall = Stall()
      try await stall.hold(busy)
      var waiting: [ServerClient] = []
      for number in 0..<20 {
        let client = try await ServerClient.connect(to: server)
        try await client.connection.send("\(number)\n")
        waiting.append(client)
      }
      server.signal(SIGTERM)
      stall.end()
      #expect(try await busy.answer() == "let go")
      await busy.close()
      for (number, client) in waiting.enumerated() {
        #expect(try await client.answer() == "\(number)")
        await client.close()
      }
    }
    #expect(try server.ending() == 0)
  }

  @Test(arguments: Backends.available)
  func anAcceptorHandsConnectionsOverInTurn(_ backend: Backend) async throws {
    let server = try ServerProcess("acceptor", ["--number", "3"], backend)
    try await onServerLoop {
      var clients: [ServerClient] = []
      var threads: [String: Int] = [:]
      for _ in 0..<9 {
        let client = try await ServerClient.connect(to: server)
        threads[try await client.executor().thread, default: 0] += 1
        clients.append(client)
      }
      #expect(threads.count == 3 && threads.values.allSatisfy { $0 == 3 })
      for client in clients { await client.close() }
    }
  }

  @Test(arguments: Backends.available)
  func aMessageThatKeepsItsThreadDelaysNoOtherConnection(_ backend: Backend) async throws {
    let server = try ServerProcess("messageBalanced", ["--number", "2"], backend)
    try await onServerLoop {
      let (heavy, light) = (try await ServerClient.connect(to: server), try await ServerClient.connect(to: server))
      let stall = Stall()
      try await stall.hold(heavy)
      for number in 0..<20 { #expect(try await light.ask("\(number)") == "\(number)") }
      stall.end()
      #expect(try await heavy.answer() == "let go")
      await heavy.close()
      await light.close()
    }
  }

  @Test(arguments: Backends.available)
  func handlersThatDoNotEndAreCancelledWhenTheDrainTimeIsOver(_ backend: Backend) async throws {
    for pattern in ["single", "acceptor", "messageBalanced", "processes-shared", "process-per-connection"] {
      let server = try ServerProcess(pattern, ["--drain", "0.1"], backend)
      try await onServerLoop {
        let client = try await ServerClient.connect(to: server)
        #expect(try await client.ask("here") == "here")
        server.signal(SIGTERM)
        #expect(try await client.connection.receive()?.text == nil, "\(pattern)")
        await client.close()
      }
      #expect(try server.ending() == 0, "\(pattern)")
    }
  }

  @Test
  func whatCannotWorkIsRefusedAtOnce() async throws {
    let address = SocketAddress.loopback(port: 0)
    for pattern: ExecutionPattern in [
      .multiThreaded(threads: 0, accept: .acceptor), .multiProcess(workers: -1, accept: .reusePort),
      .processPerConnection(limit: 0),
    ] {
      #expect(throws: ConfigurationError.self) { try Server(address: address, pattern: pattern) }
    }
    let server = try Server(address: address, pattern: .multiThreaded(threads: 1, accept: .messageBalanced))
    await #expect(throws: ConfigurationError.self) { try await server.run { _ in } }
    let taken = try Server(address: address, pattern: .singleThreaded)
    let busy = try TCPListener.listen(on: address, TCPListener.Options())
    defer { close(busy) }
    let again = try Server(address: ListeningSockets.address(of: busy), pattern: .singleThreaded)
    let error = await #expect(throws: SocketError.self) { try await again.run { _ in } }
    #expect(error?.errno == .addressInUse)
    taken.drain()
    try await taken.run { _ in }
  }

  @Test(arguments: Backends.available)
  func cancellingTheTaskEndsTheServer(_ backend: Backend) async throws {
    var options = Server.Options()
    options.loop.backend = backend.choice
    let isReady = Channel<SocketAddress>(capacity: 1)
    options.onReady = { _ = try? isReady.trySend($0) }
    let server = try Server(
      address: .loopback(port: 0),
      pattern: .multiThreaded(threads: 2, accept: .sharedListener),
      options: options
    )
    let running = Task {
      try await server.run { connection in
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    }
    let address = try #require(try await isReady.receive())
    try await onServerLoop {
      let connection = try await TCPConnection.connect(to: address)
      // Answered, so nothing is unread: the kernel would reset the connection for that.
      try await connection.send("x")
      #expect(try await connection.receive()?.text == "x")
      running.cancel()
      let isClosed = try await connection.receive() == nil
      #expect(isClosed)
      await connection.close()
    }
    await #expect(throws: CancellationError.self) { try await running.value }
  }
}

/// Runs `body` on a loop, with a deadline.
func onServerLoop(_ body: @escaping @Sendable () async throws -> Void) async throws {
  let loop = try EventLoop.start()
  let watchdog = Watchdog(seconds: 90)
  defer { watchdog.stop() }
  let task = Task(executorPreference: loop.taskExecutor) { try await body() }
  watchdog.onExpiry { task.cancel() }
  watchdog.stops(loop)
  let result = await task.result
  await loop.shutdown()
  try result.get()
}
