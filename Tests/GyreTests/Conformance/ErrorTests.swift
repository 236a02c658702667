import Glibc
import Testing

@testable import Gyre

/// Bad input and faults: each has one documented result.
@Suite(.serialized)
struct ErrorTests {
  @Test(arguments: Backends.available)
  func aPortInUseSaysSo(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let error = #expect(throws: SocketError.self) { try TCPListener.bind(to: listener.address, on: loop) }
      #expect(error?.errno == .addressInUse)
      #expect(error?.description.contains("\(listener.address)") == true)
      #expect(error?.description.contains("choose another port") == true)
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func aRefusedConnectNamesTheAddress(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let address = listener.address
      await listener.close()
      let error = await #expect(throws: SocketError.self) { try await TCPConnection.connect(to: address, on: loop) }
      #expect(error?.errno == .connectionRefused && error?.operation == .connect && error?.address == address)
    }
  }

  @Test(arguments: Backends.available)
  func aResetIsAnErrorForEveryLaterReceive(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let receiving = start(on: loop) { try await server.receive()?.copy() }
        try await eventually("armed") { loop.driver.operations.inFlight > 1 }
        try await pair.resetClient()
        #expect(await socketErrno { _ = try await receiving.value } == .connectionReset)
        #expect(await socketErrno { _ = try await server.receive()?.copy() } == .connectionReset)
        #expect(await socketErrno { _ = try await server.receiveIntoMemory(of: 4) } == .connectionReset)
      }
    }
  }

  @Test(arguments: Backends.available)
  func sendingToAPeerThatHasGoneIsAnErrorAndNoSignal(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        await pair.client.close()
        // The first sends may still be taken by the kernel; the peer's answer to them is a reset.
        let errno = await socketErrno {
          for _ in 0..<1000 {
            try await pair.server.send("anybody there?")
            try await loop.sleep(for: .milliseconds(1))
          }
        }
        #expect(errno == .brokenPipe || errno == .connectionReset)
        #expect(await socketErrno { try await pair.server.send(parts: [[1], [2]]) } == .brokenPipe)
      }
    }
  }

  @Test(arguments: Backends.available)
  func everythingAfterCloseIsBadDescriptor(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        await pair.client.close()
        await pair.client.close()
        let client = pair.client
        #expect(await socketErrno { try await client.send("x") } == .badFileDescriptor)
        #expect(await socketErrno { _ = try await client.receive()?.copy() } == .badFileDescriptor)
        #expect(await socketErrno { _ = try await client.receiveIntoMemory(of: 4) } == .badFileDescriptor)
        #expect(await socketErrno { try await client.shutdown(.send) } == .badFileDescriptor)
        #expect(await socketErrno { _ = try await client.localAddress } == .badFileDescriptor)
        let isEnd = try await pair.server.receive() == nil
        #expect(isEnd)
      }
    }
  }

  @Test(arguments: Backends.available)
  func closingEndsWhatOtherTasksWaitFor(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let accepting = start(on: loop) { try await listener.accept() }
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let receiving = start(on: loop) { try await client.receive()?.copy() }
        let intoMemory = start(on: loop) { try await server.receiveIntoMemory(of: 10) }
        let first = start(on: loop) { try await client.send([UInt8](repeating: 1, count: 64 << 20)) }
        let second = start(on: loop) { try await client.send("queued behind it") }
        try await eventually("in flight") { loop.driver.operations.inFlight >= 4 }
        await client.close()
        #expect(await socketErrno { _ = try await receiving.value } == .badFileDescriptor)
        #expect(await socketErrno { try await first.value } == .badFileDescriptor)
        #expect(await socketErrno { try await second.value } == .badFileDescriptor)
        _ = try await intoMemory.value
        let again = start(on: loop) { try await server.receiveIntoMemory(of: 64 << 20).count }
        _ = try? await again.value
        await listener.close()
        #expect(await socketErrno { _ = try await accepting.value } == .badFileDescriptor)
      }
    }
  }

  @Test(arguments: Backends.available)
  func aSecondReceiverIsRefused(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let receiving = start(on: loop) { try await server.receive()?.copy() }
        try await eventually("armed") { loop.driver.operations.inFlight > 1 }
        #expect(await socketErrno { _ = try await server.receive()?.copy() } == .busy)
        #expect(await socketErrno { _ = try await server.receiveIntoMemory(of: 4) } == .busy)
        try await pair.client.send("one")
        #expect(try await receiving.value == Array("one".utf8))
      }
    }
  }

  @Test(arguments: Backends.available)
  func aDroppedConnectionIsClosed(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let accepting = start(on: loop) { try await listener.accept() }
      var client: TCPConnection? = try await TCPConnection.connect(to: listener.address, on: loop)
      let server = try await accepting.value
      try await client?.send("bye")
      client = nil
      #expect(try await server.receive(exactly: 100) == Array("bye".utf8))
      await server.close()
      await listener.close()
    }
  }

  @Test func configurationsAreCheckedBeforeAnySystemCall() {
    var configuration = EventLoop.Configuration()
    configuration.bufferCount = 3
    #expect(throws: ConfigurationError.self) { try EventLoop.start(configuration) }
    configuration = EventLoop.Configuration()
    configuration.bufferSize = 0
    #expect(throws: ConfigurationError.self) { try EventLoop.start(configuration) }
    var options = TCPListener.Options()
    options.backlog = 0
    #expect(throws: ConfigurationError.self) { try options.validate() }
    for backlog in [Int.max, 1 << 31] {
      options.backlog = backlog
      let error = #expect(throws: ConfigurationError.self) { try options.validate() }
      #expect(error?.description.contains("use 1 to 2147483647") == true)
    }
    options = TCPListener.Options()
    options.connection.sendBufferSize = -1
    #expect(throws: ConfigurationError.self) { try options.validate() }
  }
}
