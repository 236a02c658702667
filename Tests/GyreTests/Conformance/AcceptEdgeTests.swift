import Glibc
import Testing

@testable import Gyre

/// Accepting around cancellation and shortages, in order, and on shared ports.
@Suite(.serialized)
struct AcceptEdgeTests {
  @Test(arguments: Backends.available)
  func aCancelledAcceptLeavesItsConnectionToTheNext(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      for _ in 0..<20 {
        let accepting = start(on: loop) { try await listener.accept() }
        try await eventually("armed") { loop.driver.operations.inFlight >= 1 }
        accepting.cancel()
        await #expect(throws: CancellationError.self) { _ = try await accepting.value }
        let client = try await TCPConnection.connect(to: listener.address, on: loop)
        let server = try await listener.accept()
        try await server.send("hello")
        #expect(try await client.receive(exactly: 5).count == 5)
        await server.close()
        await client.close()
      }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func callersAreServedInTheirOrder(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let order = Shared<[Int]>([])
      let callers = (0..<5).map { number in
        start(on: loop) {
          let connection = try await listener.accept()
          order.update { $0.append(number) }
          await connection.close()
        }
      }
      await Task.yield()
      callers[2].cancel()
      for _ in 0..<4 {
        let client = try await TCPConnection.connect(to: listener.address, on: loop)
        let isEnd = try await client.receive() == nil
        #expect(isEnd)
        await client.close()
      }
      for caller in callers { _ = await caller.result }
      #expect(order.value == [0, 1, 3, 4])
      await listener.close()
    }
  }

  /// What needs an ordinary descriptor says EMFILE, and works again afterwards.
  @Test(arguments: Backends.available)
  func otherShortagesAreErrorsThatPass(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (server, address) = (pair.server, try await pair.client.remoteAddress)
        do {
          let shortage = try DescriptorShortage()
          defer { shortage.end() }
          let error = await #expect(throws: SocketError.self) {
            _ = try await TCPConnection.connect(to: address, on: loop)
          }
          #expect(error?.errno == .tooManyOpenFiles && error?.operation == .create)
          #expect(throws: SocketError.self) { _ = try TCPListener.bind(to: .loopback(port: 0), on: loop) }
          if server.socket.descriptor.isDirect {
            #expect(await socketErrno { _ = try await server.localAddress } == .tooManyOpenFiles)
          }
          if backend == .uring {
            #expect(throws: BackendError.self) { _ = try EventLoop.start() }
          }
        }
        #expect(try await server.localAddress == address)
        try await server.send("still open")
        #expect(try await pair.client.receive(exactly: 10).count == 10)
      }
    }
  }

  @Test(arguments: Backends.available)
  func listenersShareAPort(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var options = TCPListener.Options()
      options.reusePort = true
      let first = try TCPListener.bind(to: .loopback(port: 0), options: options, on: loop)
      let second = try TCPListener.bind(to: first.address, options: options, on: loop)
      #expect(first.address == second.address)
      let accepted = Shared<[Int: Int]>([:])
      let serving = [first, second].enumerated().map { number, listener in
        start(on: loop) {
          try await listener.serve { connection in
            accepted.update { $0[number, default: 0] += 1 }
            try await connection.send("x")
          }
        }
      }
      for _ in 0..<100 {
        let client = try await TCPConnection.connect(to: first.address, on: loop)
        #expect(try await client.receive(exactly: 2).count == 1)
        await client.close()
      }
      #expect(accepted.value.values.reduce(0, +) == 100)
      // The kernel spreads by a hash of the ports: all hundred to one side is as likely as a hundred heads.
      #expect(accepted.value.count == 2)
      await first.close()
      await second.close()
      for task in serving { try await task.value }
    }
  }
}
