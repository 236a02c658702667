import Glibc
import Testing

@testable import Gyre

/// Closing, cancelling and dropping what is in the middle of something, or was never used.
@Suite(.serialized)
struct ClosingTests {
  enum Way: CaseIterable, Sendable {
    case close
    case cancel
    case drop
    case stop
  }

  /// The server has never received or sent anything: its drivers see its descriptor for the first time.
  @Test(arguments: Backends.available, Way.allCases)
  func aShutdownInFlightEndsWithTheConnection(_ backend: Backend, _ way: Way) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let shutting = start(on: loop) { try await server.shutdown(.send) }
        // It runs up to its suspension, and its completion has not been looked for yet.
        await Task.yield()
        switch way {
        case .close: await server.close()
        case .cancel: shutting.cancel()
        case .drop: server.socket.abandon()
        case .stop: loop.stop()
        }
        // Either may win the race. What is not allowed is to trap or to hang.
        _ = await shutting.result
      }
    }
  }

  @Test(arguments: Backends.available, Way.allCases)
  func aLookForTheAddressEndsWithTheConnection(_ backend: Backend, _ way: Way) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let asking = (0..<3).map { _ in start(on: loop) { try await server.localAddress } }
        await Task.yield()
        switch way {
        case .close: await server.close()
        case .cancel: for task in asking { task.cancel() }
        case .drop: server.socket.abandon()
        case .stop: loop.stop()
        }
        for task in asking { _ = await task.result }
      }
    }
  }

  @Test(arguments: Backends.available)
  func droppedListenersAndConnectionsAreClosed(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var listener: TCPListener? = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let address = listener!.address
      let client = try await TCPConnection.connect(to: address, on: loop)
      do {
        // Armed, so that dropping it has to cancel the receive first.
        let server = try await listener!.accept()
        try await client.send("x")
        _ = try await server.receive()?.count
      }
      let isEnd = try await client.receive() == nil
      #expect(isEnd)
      await client.close()
      listener = nil
      try await eventually("refused") { loop.driver.operations.inFlight == 0 }
      #expect(await socketErrno { _ = try await TCPConnection.connect(to: address, on: loop) } == .connectionRefused)
    }
  }

  /// A loop that has ended and that nobody refers to is freed, with its ring and its waker.
  @Test(arguments: Backends.available)
  func aLoopThatNobodyRefersToIsFreed(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let before = OpenDescriptors.list()
    weak var trace: EventLoop?
    for _ in 0..<20 {
      let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
      trace = loop
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let server = try await listener.accept()
      try await client.send("x")
      let chunk = try await server.receive()
      await loop.shutdown()
      // Dropped after the loop's end, while a chunk of its memory is still held.
      #expect(chunk?.text == "x")
    }
    // The thread of the last loop lets go of it a moment after `shutdown` has returned.
    let leftOpen = { OpenDescriptors.list().subtracting(before) }
    _ = Patience.blocking { trace == nil && leftOpen().isEmpty }
    #expect(trace == nil)
    #expect(leftOpen().isEmpty)
  }

  @Test(arguments: Backends.available)
  func closingWhileConnectingEndsTheConnect(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var options = TCPListener.Options()
      options.backlog = 1
      let listener = try TCPListener.bind(to: .loopback(port: 0), options: options, on: loop)
      var queued: [TCPConnection] = []
      for _ in 0..<2 { queued.append(try await .connect(to: listener.address, on: loop)) }
      let number = try SystemSocket.make(for: listener.address, flags: loop.driver.socketFlags)
      let socket = StreamSocket(loop: loop, descriptor: .ordinary(number), peer: listener.address)
      let address = listener.address
      let connecting = start(on: loop) {
        await EventLoop.suspend { socket.begin(.connect(address), .owner($0)) }
      }
      try await eventually("connecting") { loop.driver.operations.inFlight == 1 }
      await socket.close()
      #expect(try await connecting.value == -EBADF)
      for connection in queued { await connection.close() }
      await listener.close()
    }
  }
}
