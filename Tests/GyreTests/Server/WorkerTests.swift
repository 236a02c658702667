import Glibc
import Testing

@testable import Gyre

/// Worker processes: what ends one ends no other, and nobody notices a reload.
@Suite(.serialized)
struct WorkerTests {
  static let combinations = Backends.available.flatMap { backend in
    ["processes-shared", "processes-reuseport"].map { (backend, $0) }
  }

  private func expectReplaced(_ victim: pid_t, in server: ServerProcess, _ what: String) async throws {
    let workers = server.children
    // A second is what is promised; the deadline is that of the machine's other work too.
    let isReplaced = await Patience.until { !server.children.contains(victim) && server.children.count == 2 }
    #expect(isReplaced, "\(what): \(workers)")
  }

  @Test(arguments: combinations)
  func aWorkerThatDiesTakesOnlyItsOwnConnections(_ backend: Backend, _ pattern: String) async throws {
    try await expectOthersUnharmed(by: ["kill", "abort"], ServerProcess(pattern, [], backend))
  }

  @Test(.disabled(if: Sanitizer.isOn, Sanitizer.keepsMemory), arguments: combinations)
  func aWorkerThatExhaustsItsMemoryTakesOnlyItsOwnConnections(_ backend: Backend, _ pattern: String) async throws {
    try await expectOthersUnharmed(by: ["exhaust"], ServerProcess(pattern, ["--memory", "\(512 << 20)"], backend))
  }

  private func expectOthersUnharmed(by causes: [String], _ server: ServerProcess) async throws {
    try await onServerLoop {
      for cause in causes {
        let clients = try await ServerClient.connectToEach(of: 2, server)
        let (victim, client) = clients.first!
        let (_, other) = clients.first { $0.key != victim }!
        if cause == "kill" {
          kill(victim, SIGKILL)
        } else {
          try await client.connection.send("\(cause)\n")
        }
        // The end of the stream or a reset: the process cannot say which.
        #expect((try? await client.answer()) == nil, "\(cause): the worker lives")
        #expect(try await other.ask("unharmed") == "unharmed", "\(cause)")
        try await expectReplaced(victim, in: server, cause)
        for client in clients.values { await client.close() }
      }
      for client in try await ServerClient.connectToEach(of: 2, server).values { await client.close() }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test(arguments: combinations)
  func tenReloadsLoseNoConnection(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, [], backend)
    try await onServerLoop {
      let isOver = Shared(false)
      let connecting = Task {
        var asked = 0
        while !isOver.value {
          let client = try await ServerClient.connect(to: server)
          #expect(try await client.ask("\(asked)") == "\(asked)")
          await client.close()
          asked += 1
        }
        return asked
      }
      var generation = server.children
      for reload in 1...10 {
        server.signal(SIGHUP)
        var next: Set<pid_t> = []
        let isReplaced = await Patience.until {
          next = server.children
          return next.count == 2 && next.isDisjoint(with: generation)
        }
        #expect(isReplaced, "reload \(reload)")
        generation = next
      }
      isOver.update { $0 = true }
      let asked = try await connecting.value
      print("ten reloads, \(backend), \(pattern): \(asked) connections")
      #expect(asked > 10)
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Its place is not empty until its last connection ends.
  @Test(arguments: combinations, [true, false])
  func aWorkerThatDrainsByItselfIsReplacedAtOnce(_ of: (Backend, String), _ isSignalled: Bool) async throws {
    let server = try ServerProcess(of.1, ["--number", "1", "--drain", "60"], of.0)
    try await onServerLoop {
      let held = try await ServerClient.connect(to: server)
      let old = try await held.executor().process
      if isSignalled { kill(old, SIGTERM) } else { #expect(try await held.ask("drain") == "drain") }
      var process = old
      while process == old {
        let client = try await ServerClient.connect(to: server)
        process = try await client.executor().process
        await client.close()
      }
      #expect(try await held.ask("still here") == "still here")
      #expect(server.children == [old, process])
      await held.close()
      let hasEnded = await Patience.until { server.children == [process] }
      #expect(hasEnded)
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// As servers do whose workers handle so many requests and then make room for new ones. It is no failure: nobody waits longer for
  /// the next one each time, in the end seconds.
  @Test(arguments: combinations)
  func workersThatDrainAgainAndAgainKeepNobodyWaiting(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--number", "1"], backend)
    try await onServerLoop {
      for _ in 0..<40 {
        let client = try await ServerClient.connect(to: server)
        #expect(try await client.ask("drain") == "drain")
        await client.close()
      }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// The supervisor has no signal for a worker that drains already: the program may be at what it does after its server.
  @Test(arguments: combinations, [true, false])
  func whatAProgramDoesAfterADrainIsNotCutOff(_ of: (Backend, String), _ isTheServerDrained: Bool) async throws {
    let file = "/tmp/gyre-epilogue-\(getpid())"
    unlink(file)
    defer { unlink(file) }
    let server = try ServerProcess(of.1, ["--number", "8", "--epilogue", file], of.0)
    for worker in server.children { kill(worker, SIGTERM) }
    if isTheServerDrained { server.signal(SIGTERM) }
    let haveAllEnded = await Patience.until(seconds: 20) { ServerProcess.contents(of: file).count >= 8 }
    #expect(haveAllEnded, "a worker was ended")
    if !isTheServerDrained { server.signal(SIGTERM) }
    #expect(try server.ending() == 0)
  }

  /// Workers fail at their start, so the next one would come seconds later.
  @Test(arguments: combinations)
  func aDrainDoesNotWaitForAWorkerThatIsToComeLater(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--number", "1", "--drain", "0.5"], backend)
    for _ in 0..<8 {
      await server.expectChildren("no worker is started") { $0.count == 1 }
      let workers = server.children
      for worker in workers { kill(worker, SIGKILL) }
      await server.expectChildren("the worker is not reaped") { $0.isDisjoint(with: workers) }
    }
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      server.signal(SIGTERM)
      #expect(try await client.ask("served") == "served")
      await client.close()
    }
    #expect(try server.ending() == 0)
  }

  @Test(arguments: Backends.available)
  func workersEndWithTheirSupervisor(_ backend: Backend) async throws {
    let server = try ServerProcess("processes-shared", [], backend)
    let workers = server.children
    #expect(workers.count == 2)
    server.signal(SIGKILL)
    #expect(try server.ending() == 128 + SIGKILL)
    let haveEnded = await Patience.until { workers.allSatisfy { kill($0, 0) != 0 } }
    #expect(haveEnded, "a worker outlived its supervisor")
  }

  @Test(arguments: Backends.available)
  func noMoreConnectionsThanTheLimitHaveAProcess(_ backend: Backend) async throws {
    let server = try ServerProcess("process-per-connection", ["--number", "2"], backend)
    try await onServerLoop {
      let first = try await ServerClient.connect(to: server)
      let second = try await ServerClient.connect(to: server)
      let processes = [try await first.executor().process, try await second.executor().process]
      #expect(Set(processes).count == 2 && server.children == Set(processes))
      let third = try await ServerClient.connect(to: server)
      try await third.connection.send("who\n")
      // It waits in the kernel's queue: what runs after it was sent shows the processes as they were.
      #expect(try await first.ask("again") == "again")
      #expect(server.children == Set(processes))
      try await second.connection.send("abort\n")
      #expect((try? await second.answer()) == nil)
      #expect(try await third.answer()?.isEmpty == false)
      #expect(try await first.ask("unharmed") == "unharmed")
      for client in [first, second, third] { await client.close() }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  // MARK: Under a service manager

  @Test(arguments: Backends.available)
  func socketsOfAServiceManagerAreUsed(_ backend: Backend) async throws {
    let listening = try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())
    defer { close(listening) }
    let address = try ListeningSockets.address(of: listening)
    for pattern in ["single", "reusePort", "processes-shared"] {
      let server = try ServerProcess(pattern, [], backend, listening: [listening])
      #expect(server.address == address, "\(pattern)")
      try await onServerLoop {
        let client = try await ServerClient.connect(to: server)
        #expect(try await client.ask("activated") == "activated")
        await client.close()
      }
      server.signal(SIGTERM)
      #expect(try server.ending() == 0)
    }
  }

  /// Also those beyond what the pattern would open by itself.
  @Test(arguments: Backends.available.flatMap { backend in ServerProcess.patterns.map { (backend, $0) } })
  func everySocketOfAServiceManagerIsServed(_ backend: Backend, _ pattern: String) async throws {
    var listening: [Int32] = []
    defer { for socket in listening { close(socket) } }
    for _ in 0..<3 { listening.append(try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())) }
    let addresses = try listening.map { try ListeningSockets.address(of: $0) }
    for number in ["1", "2", "4"] {
      let server = try ServerProcess(pattern, ["--number", number], backend, listening: listening)
      try await onServerLoop {
        for (index, address) in addresses.enumerated() {
          let client = ServerClient(connection: try await TCPConnection.connect(to: address))
          #expect(try await client.ask("socket \(index)") == "socket \(index)")
          await client.close()
        }
      }
      server.signal(SIGTERM)
      #expect(try server.ending() == 0)
    }
  }

  /// All loops or workers accept from each of them: one that is busy keeps at most one client waiting.
  @Test(arguments: Backends.available, ["sharedListener", "processes-shared"])
  func severalSocketsAreSharedToo(_ backend: Backend, _ pattern: String) async throws {
    var listening: [Int32] = []
    defer { for socket in listening { close(socket) } }
    for _ in 0..<2 { listening.append(try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())) }
    let server = try ServerProcess(pattern, ["--number", "2"], backend, listening: listening)
    try await onServerLoop {
      let (stall, busy) = (Stall(), try await ServerClient.connect(to: server))
      try await stall.hold(busy)
      let answered = Shared(0)
      let others = (0..<6).map { number in
        Task {
          let client = try await ServerClient.connect(to: server)
          #expect(try await client.ask("\(number)") == "\(number)")
          answered.update { $0 += 1 }
          await client.close()
        }
      }
      try await eventually("the others wait for the busy one") { answered.value >= 5 }
      stall.end()
      #expect(try await busy.answer() == "let go")
      for other in others { try await other.value }
      await busy.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// The next process takes over what waits: the manager keeps the socket.
  @Test(arguments: Backends.available, ["single", "processes-shared", "process-per-connection"])
  func theSocketOfAServiceManagerOutlivesADrain(_ backend: Backend, _ pattern: String) async throws {
    let listening = try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())
    defer { close(listening) }
    let server = try ServerProcess(pattern, [], backend, listening: [listening])
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
    let address = server.address
    try await onServerLoop {
      let connection = try await TCPConnection.connect(to: address)
      let next = try ServerProcess(pattern, [], backend, listening: [listening])
      #expect(try await ServerClient(connection: connection).ask("next") == "next")
      await connection.close()
      next.signal(SIGTERM)
      #expect(try next.ending() == 0)
    }
  }

  @Test
  func aServiceManagerIsToldOfReadinessReloadsAndTheEnd() async throws {
    let manager = try NotifySocket()
    let server = try ServerProcess("processes-shared", [], .epoll, environment: ["NOTIFY_SOCKET=\(manager.path)"])
    #expect(try manager.next() == "READY=1")
    server.signal(SIGHUP)
    #expect(try manager.next().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    #expect(try manager.next() == "READY=1")
    server.signal(SIGTERM)
    #expect(try manager.next() == "STOPPING=1")
    #expect(try server.ending() == 0)
  }

  @Test
  func aServiceManagerThatDoesNotReadStopsNoSupervisor() async throws {
    let manager = try NotifySocket()
    let server = try ServerProcess("processes-shared", [], .epoll, environment: ["NOTIFY_SOCKET=\(manager.path)"])
    manager.fill()
    let generation = server.children
    server.signal(SIGHUP)
    await server.expectChildren("nothing is reloaded") { $0.count == 2 && $0.isDisjoint(with: generation) }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test(arguments: Backends.available.flatMap { backend in ServerProcess.patterns.map { (backend, $0) } })
  func aServiceManagerIsToldOfTheEndUnderEveryPattern(_ backend: Backend, _ pattern: String) throws {
    let manager = try NotifySocket()
    let server = try ServerProcess(pattern, [], backend, environment: ["NOTIFY_SOCKET=\(manager.path)"])
    #expect(try manager.next() == "READY=1")
    server.signal(SIGTERM)
    #expect(try manager.next() == "STOPPING=1")
    #expect(try server.ending() == 0)
  }
}
