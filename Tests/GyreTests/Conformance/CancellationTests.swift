import Glibc
import Testing

@testable import Gyre

/// Every operation cancelled before it starts, while it waits, and by a timeout. The randomised races are in Races/.
@Suite(.serialized)
struct CancellationTests {
  @Test(arguments: Backends.available)
  func cancelledBeforehandNothingIsStarted(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      try await Pair.with(loop) { pair in
        let started = loop.driver.operations.started
        let (client, address) = (pair.client, listener.address)
        let operations: [@Sendable () async throws -> Void] = [
          { _ = try await client.receive()?.copy() }, { _ = try await client.receiveIntoMemory(of: 4) },
          { try await client.send("never") }, { try await client.send(parts: [[1]]) },
          { _ = try await client.exchange("never")?.copy() },
          { try await client.shutdown(.send) }, { _ = try await client.localAddress },
          { _ = try await listener.accept() },
          { _ = try await TCPConnection.connect(to: address, on: loop) }, { try await loop.sleep(for: .zero) },
        ]
        for operation in operations {
          let task = start(on: loop) {
            withUnsafeCurrentTask { $0!.cancel() }
            try await operation()
          }
          await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(loop.driver.operations.started == started)
      }
      await listener.close()
    }
  }

  /// Cancelled by another thread while it runs: the loop hears of that only later.
  @Test(arguments: Backends.available)
  func aCancelledOwnerStartsNothing(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("there already")
        let server = pair.server
        let isCancelled = Shared(false)
        let handling = start(on: loop) {
          try await server.withScope { server in
            // The loop's thread is here meanwhile, and takes nothing in.
            #expect(Patience.blocking(seconds: 10) { isCancelled.value })
            let started = loop.driver.operations.started
            let operations: [() async throws -> Void] = [
              { _ = try await server.receive()?.copy() }, { _ = try await server.receiveIntoMemory(of: 4) },
              { try await server.send("never") }, { try await server.send(parts: [[1]]) },
              { _ = try await server.exchange("never")?.copy() },
              { try await server.shutdown(.send) }, { _ = try await server.localAddress },
            ]
            for operation in operations { await #expect(throws: CancellationError.self) { try await operation() } }
            #expect(loop.driver.operations.started == started)
          }
        }
        await Task.detached {
          handling.cancel()
          isCancelled.update { $0 = true }
        }.value
        try await handling.value
        // Nothing was sent, and what nobody received makes the close a reset.
        #expect(await socketErrno { _ = try await pair.client.receive() } == .connectionReset)
      }
    }
  }

  @Test(arguments: Backends.available)
  func cancelledInFlightEachEndsWithACancellationError(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let tasks = [
          start(on: loop) { _ = try await client.receive()?.copy() },
          start(on: loop) { _ = try await server.receiveIntoMemory(of: 4) },
          start(on: loop) { try await client.send([UInt8](repeating: 7, count: 64 << 20)) },
          start(on: loop) { try await client.send("behind it") },
          start(on: loop) { _ = try await listener.accept() },
          start(on: loop) { try await loop.sleep(for: .seconds(1000)) },
        ]
        // The server's receive gets bytes of the send; the others wait.
        try await tasks[1].value
        try await eventually("waiting") { loop.timers.count >= 1 && loop.driver.operations.inFlight >= 4 }
        for task in tasks { task.cancel() }
        for task in tasks.dropFirst(2) + tasks.prefix(1) {
          await #expect(throws: CancellationError.self) { try await task.value }
        }
      }
      await listener.close()
      #expect(loop.timers.count == 0)
    }
  }

  /// The handler of `serve` owns its connection, whose operations then have no cancellation handler of their own.
  @Test(arguments: Backends.available)
  func aScopesOneHandlerCancelsEveryOperation(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      for way in 0..<4 {
        let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
        let accepting = start(on: loop) { try await listener.accept() }
        let scope = start(on: loop) {
          try await TCPConnection.withConnection(to: listener.address, on: loop) { connection in
            switch way {
            case 0: _ = try await connection.receive()?.copy()
            case 1: _ = try await connection.receiveIntoMemory(of: 4)
            case 2: _ = try await connection.exchange("an answer to which never comes")?.copy()
            default: try await connection.send([UInt8](repeating: 7, count: 64 << 20))
            }
          }
        }
        let server = try await accepting.value
        try await eventually("in flight") { loop.driver.operations.inFlight >= 2 }
        scope.cancel()
        await #expect(throws: CancellationError.self) { try await scope.value }
        await server.close()
        await listener.close()
      }
    }
  }

  @Test(arguments: Backends.available)
  func aTimeoutCancelsAndWaits(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        await #expect(throws: TimeoutError.self) {
          try await withTimeout(.milliseconds(5)) { try await server.receive()?.copy() }
        }
        await #expect(throws: TimeoutError.self) {
          try await withTimeout(.milliseconds(5)) { try await client.receiveIntoMemory(of: 4) }
        }
        await #expect(throws: TimeoutError.self) {
          try await withTimeout(.milliseconds(5)) { try await client.send([UInt8](repeating: 7, count: 64 << 20)) }
        }
        // Nobody owns the send's memory any more, and the receiver lost nothing.
        let received = try await server.receive(exactly: 1000)
        #expect(received.count >= 1000 && received.allSatisfy { $0 == 7 })
        let answer = try await withTimeout(.seconds(1000)) { 42 }
        #expect(answer == 42)
      }
      #expect(loop.timers.count == 0)
    }
  }

  @Test(arguments: Backends.available)
  func aConnectThatNobodyAnswersIsCancelled(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var options = TCPListener.Options()
      options.backlog = 1
      let listener = try TCPListener.bind(to: .loopback(port: 0), options: options, on: loop)
      // A backlog of one holds two connections; the kernel drops the handshakes of all others.
      let queued = [
        try await TCPConnection.connect(to: listener.address, on: loop),
        try await TCPConnection.connect(to: listener.address, on: loop),
      ]
      let address = listener.address
      await #expect(throws: TimeoutError.self) {
        try await withTimeout(.milliseconds(20)) { _ = try await TCPConnection.connect(to: address, on: loop) }
      }
      for connection in queued { await connection.close() }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func bytesAroundACancelledReceiveAreKept(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        for round in 0..<20 {
          let receiving = start(on: loop) { try await server.receive()?.copy() }
          try await loop.sleep(for: .microseconds(round * 5))
          receiving.cancel()
          _ = await receiving.result
          try await pair.client.send("\(round),")
          if case .success(let bytes?) = await receiving.result { Issue.record("nothing was sent, but \(bytes) came") }
          #expect(try await server.receive(exactly: "\(round),".utf8.count) == Array("\(round),".utf8))
        }
      }
    }
  }
}
