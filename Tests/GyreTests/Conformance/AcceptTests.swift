import Glibc

import Testing

@testable import Gyre

/// Accepting: queues, shortages, and the structured accept loop.
@Suite(.serialized)
struct AcceptTests {
  @Test(arguments: Backends.available)
  func everyQueuedConnectionIsAccepted(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<600 { clients.append(try await .connect(to: listener.address, on: loop)) }
      var ports: Set<UInt16> = []
      var servers: [TCPConnection] = []
      for _ in 0..<600 {
        servers.append(try await listener.accept())
        ports.insert(try await servers.last!.remoteAddress.port)
      }
      #expect(ports.count == 600)
      for connection in clients + servers { await connection.close() }
      await listener.close()
    }
  }

  /// Of many tasks that wait, those that are cancelled leave, from wherever they are, and the others get what comes.
  @Test(arguments: Backends.available)
  func cancelledWaitersLeaveTheOthersWaiting(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let tasks = (0..<60).map { _ in start(on: loop) { try await listener.accept() } }
      await loop.letOthersRun()
      for (index, task) in tasks.enumerated() where index % 3 != 1 { task.cancel() }
      for (index, task) in tasks.enumerated() where index % 3 != 1 {
        await #expect(throws: CancellationError.self) { _ = try await task.value }
      }
      var clients: [TCPConnection] = []
      for _ in 0..<20 { clients.append(try await .connect(to: listener.address, on: loop)) }
      for (index, task) in tasks.enumerated() where index % 3 == 1 {
        let connection = try await task.value
        task.cancel()
        await connection.close()
      }
      for client in clients { await client.close() }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func closingAListenerClosesWhatNobodyAskedFor(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<20 { clients.append(try await .connect(to: listener.address, on: loop)) }
      // One is asked for; the others are accepted in the same batch, or still in the kernel's queue.
      let server = try await listener.accept()
      await listener.close()
      // The kernel ends those in its queue with a reset, Gyre those that it had accepted by closing them.
      let accepted = try await server.remoteAddress
      for client in clients where try await client.localAddress != accepted {
        do {
          #expect(try await client.receiveIntoMemory(of: 1).isEmpty)
        } catch let error as SocketError {
          #expect(error.errno == .connectionReset)
        }
      }
      for client in clients { await client.close() }
      await server.close()
    }
  }

  /// Accepting fails while the process has no descriptor left: the loop neither spins nor dies, and goes on afterwards.
  @Test(arguments: Backends.available, [0, 16384])
  func aShortageOfDescriptorsPasses(_ backend: Backend, _ direct: Int) async throws {
    try await withLoop(backend, configure: { $0.directDescriptors = direct }) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      // Several, since a descriptor or two of earlier tests may still come free meanwhile.
      var clients: [TCPConnection] = []
      for _ in 0..<8 { clients.append(try await .connect(to: listener.address, on: loop)) }
      let accepting: Task<[TCPConnection], any Error>
      do {
        let shortage = try DescriptorShortage()
        defer { shortage.end() }
        accepting = start(on: loop) {
          var servers: [TCPConnection] = []
          while servers.count < 8 { servers.append(try await listener.accept()) }
          return servers
        }
        if backend == .epoll || direct == 0 {
          // Tries again a few times, and not thousands of times.
          try await eventually("a shortage") { listener.socket.shortages.attempts >= 2 }
          let turns = loop.counters.turns
          try await loop.sleep(for: .milliseconds(100))
          #expect(loop.counters.turns - turns < 50)
          #expect(listener.socket.shortages.count == 1)
        }
      }
      let servers = try await accepting.value
      for server in servers { try await server.send("late but here") }
      for client in clients { #expect(try await client.receive(exactly: 13).count == 13) }
      for connection in clients + servers { await connection.close() }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func aHandlersErrorEndsItsConnectionOnly(_ backend: Backend) async throws {
    struct Refused: Error {}
    let errors = Locked(0)
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let serving = start(on: loop) {
        try await listener.serve(onError: { if $0 is Refused { errors.withLock { $0 += 1 } } }) { connection in
          let word = try await connection.receive(exactly: 2)
          if word == Array("no".utf8) { throw Refused() }
          try await connection.send(word)
        }
      }
      for word in ["no", "ok", "no", "ok"] {
        let client = try await TCPConnection.connect(to: listener.address, on: loop)
        try await client.send(word)
        #expect(try await client.receive(exactly: 2).count == (word == "ok" ? 2 : 0))
        await client.close()
      }
      await listener.close()
      try await serving.value
    }
    #expect(errors.withLock { $0 } == 2)
  }

  @Test(arguments: Backends.available)
  func closingTheListenerLetsHandlersFinish(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let serving = start(on: loop) {
        try await listener.serve { connection in
          while let chunk = try await connection.receive() { try await connection.send(chunk) }
        }
      }
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      try await client.send("a")
      #expect(try await client.receive(exactly: 1).count == 1)
      await listener.close()
      try await client.send("b")
      #expect(try await client.receive(exactly: 1).count == 1)
      await client.close()
      try await serving.value
    }
  }

  @Test(arguments: Backends.available)
  func cancellingServeCancelsItsHandlersAndWaitsForThem(_ backend: Backend) async throws {
    let ended = Locked(0)
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let serving = start(on: loop) {
        try await listener.serve { connection in
          defer { ended.withLock { $0 += 1 } }
          while let chunk = try await connection.receive() { try await connection.send(chunk) }
        }
      }
      var clients: [TCPConnection] = []
      for _ in 0..<10 {
        let client = try await TCPConnection.connect(to: listener.address, on: loop)
        try await client.send("x")
        #expect(try await client.receive(exactly: 1).count == 1)
        clients.append(client)
      }
      serving.cancel()
      await #expect(throws: CancellationError.self) { try await serving.value }
      #expect(ended.withLock { $0 } == 10)
      for client in clients {
        let isEnd = try await client.receive() == nil
        #expect(isEnd)
        await client.close()
      }
      await listener.close()
    }
  }

  @Test(.needsDirectDescriptors, arguments: Backends.available)
  func aFullTableOfDirectDescriptorsFallsBackToOrdinaryOnes(_ backend: Backend) async throws {
    let configure = { @Sendable (configuration: inout EventLoop.Configuration) in
      configuration.directDescriptors = 64
      // What is held back for a burst is at least the completion queue's size.
      configuration.ring = Ring.Size(submissions: 8, completions: 8)
    }
    try await withLoop(backend, configure: configure) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      var servers: [TCPConnection] = []
      for _ in 0..<200 {
        clients.append(try await .connect(to: listener.address, on: loop))
        servers.append(try await listener.accept())
      }
      let direct = servers.count { $0.socket.descriptor.isDirect }
      #expect(backend == .epoll ? direct == 0 : (1...64).contains(direct))
      for (client, server) in zip(clients, servers) {
        try await client.send("?")
        #expect(try await server.receive(exactly: 1).count == 1)
        await client.close()
        await server.close()
      }
      await listener.close()
    }
  }
}
