import Glibc
import Testing

@testable import Gyre

/// A reset is a reset to everybody, though the kernel tells of it once; and a program can send one.
@Suite(.serialized)
struct ResetTests {
  private static let large = [UInt8](repeating: 1, count: 16 << 20)

  @Test(arguments: Backends.available)
  func aResetDuringASendIsNoEndOfTheStream(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      for _ in 0..<10 {
        try await Pair.with(loop) { pair in
          let server = pair.server
          async let sending = socketErrno { try await server.send(ResetTests.large) }
          async let receiving = socketErrno { while try await server.receive() != nil {} }
          try await eventually("both wait") { server.socket.payload != nil && server.socket.isReceiving }
          try await pair.resetClient()
          #expect(await sending == .connectionReset)
          #expect(await receiving == .connectionReset)
          #expect(await socketErrno { _ = try await server.receive() } == .connectionReset)
          #expect(await socketErrno { try await server.send("x") } == .connectionReset)
        }
      }
    }
  }

  @Test(arguments: Backends.available)
  func aResetToldToASendIsToldToALaterReceive(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      for intoMemory in [false, true] {
        try await Pair.with(loop) { pair in
          let server = pair.server
          async let sending = socketErrno { try await server.send(ResetTests.large) }
          try await eventually("it sends") { server.socket.payload != nil }
          try await pair.resetClient()
          #expect(await sending == .connectionReset)
          for _ in 0..<2 {
            let errno = await socketErrno {
              if intoMemory { _ = try await server.receiveIntoMemory(of: 1) } else { _ = try await server.receive() }
            }
            #expect(errno == .connectionReset)
          }
        }
      }
    }
  }

  @Test(arguments: Backends.available)
  func aResetThatAnOptionHasToldOfIsToldAgain(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.resetClient()
        var error: Int32 = 0
        for _ in 0..<1000 where error == 0 {
          error = try await pair.server.option(level: SOL_SOCKET, name: SO_ERROR)
          try await loop.sleep(for: .milliseconds(1))
        }
        #expect(error == ECONNRESET)
        #expect(await socketErrno { _ = try await pair.server.receive() } == .connectionReset)
      }
    }
  }

  @Test(arguments: Backends.available)
  func whatHadArrivedBeforeAResetComesFirst(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        // The receive is armed and fed before the reset comes.
        try await pair.client.send("first")
        #expect(try await pair.server.receive()?.text == "first")
        try await pair.client.send("second")
        try await eventually("it has arrived") { pair.server.socket.hasArrived }
        try await pair.resetClient()
        #expect(try await pair.server.receive()?.text == "second")
        #expect(await socketErrno { _ = try await pair.server.receive() } == .connectionReset)
      }
    }
  }

  @Test(arguments: Backends.available)
  func aPeerThatEndedAndThenRefusesIsACleanEnd(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("last words")
        await pair.client.close()
        let failure = await socketErrno { while true { try await pair.server.send("to nobody") } }
        #expect(failure == .brokenPipe || failure == .connectionReset)
        #expect(try await pair.server.receive()?.text == "last words")
        #expect(try await pair.server.receive() == nil)
      }
    }
  }

  // MARK: Sending a reset

  @Test(arguments: Backends.available, [false, true])
  func resettingIsSeenAsAReset(_ backend: Backend, _ fromAccepted: Bool) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (here, there) = fromAccepted ? (pair.server, pair.client) : (pair.client, pair.server)
        try await here.send("cut")
        #expect(try await there.receive()?.text == "cut")
        await here.reset()
        #expect(await socketErrno { _ = try await there.receive() } == .connectionReset)
        #expect(await socketErrno { try await here.send("x") } == .badFileDescriptor)
        await here.reset()
        await here.close()
      }
    }
  }

  @Test(arguments: Backends.available)
  func resettingEndsWhatWaits(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        async let sending = socketErrno { try await server.send(ResetTests.large) }
        async let receiving = socketErrno { _ = try await server.receive() }
        try await eventually("both wait") { server.socket.payload != nil && server.socket.isReceiving }
        await server.reset()
        #expect(await sending == .badFileDescriptor)
        #expect(await receiving == .badFileDescriptor)
        #expect(await socketErrno { while try await pair.client.receive() != nil {} } == .connectionReset)
      }
    }
  }

  @Test(arguments: Backends.available)
  func aCancelledTaskResets(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let task = start(on: loop) {
          _ = try? await loop.sleep(for: .seconds(600))
          await server.reset()
        }
        task.cancel()
        try await task.value
        #expect(await socketErrno { _ = try await pair.client.receive() } == .connectionReset)
      }
    }
  }

  @Test(arguments: Backends.available)
  func aLoopThatHasEndedResetsToo(_ backend: Backend) async throws {
    try await withLoops([backend, backend]) { loops in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loops[0])
      async let accepting = listener.accept()
      let client = try await TCPConnection.connect(to: listener.address, on: loops[1])
      let server = try await accepting
      await loops[1].shutdown()
      await client.reset()
      #expect(await socketErrno { _ = try await server.receive() } == .connectionReset)
      await server.close()
      await listener.close()
    }
  }

  // MARK: Connecting to oneself

  @Test(arguments: Backends.available)
  func whereNobodyListensEveryConnectIsRefused(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let address = listener.address
      await listener.close()
      for _ in 0..<500 {
        let errno = await socketErrno {
          let connection = try await TCPConnection.connect(to: address, on: loop)
          await connection.close()
        }
        #expect(errno == .connectionRefused)
      }
    }
  }

  /// TCP's simultaneous open, with itself: what a connect to a port comes to that is its own.
  @Test(arguments: Backends.available)
  func aConnectionToItselfIsKnown(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let number = try SystemSocket.make(for: .loopback(port: 0), flags: 0)
      try SystemSocket.bind(number, to: .loopback(port: 0))
      let own = try SystemSocket.localAddress(of: number)
      #expect(own.withSockaddr { Glibc.connect(number, $0, $1) } == 0)
      let connection = TCPConnection.adopt(number, on: loop)
      #expect(connection.isConnectedToItself)
      await connection.reset()
      try await Pair.with(loop) { #expect(!$0.client.isConnectedToItself && !$0.server.isConnectedToItself) }
    }
  }
}
