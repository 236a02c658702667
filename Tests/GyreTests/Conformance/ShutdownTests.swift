import Testing

@testable import Gyre

/// Stopping a loop with everything in flight: nothing hangs, leaks or traps.
@Suite(.serialized)
struct ShutdownTests {
  @Test(arguments: Backends.available)
  func stoppingEndsEverythingInFlight(_ backend: Backend) async throws {
    let endings = Locked<[String: Int]>([:])
    let note = { @Sendable (error: any Error) in
      endings.withLock { $0["\(type(of: error))", default: 0] += 1 }
    }
    try await withLoop(backend) { loop in
      let everything = Everything(loop: loop, note: note)
      try await everything.begin()
      loop.stop()
      loop.stop()
      await everything.wait()
    }
    #expect(endings.withLock { $0 } == ["CancellationError": Everything.count])
  }

  @Test(arguments: Backends.available)
  func stoppingFromOutsideTwice(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    for _ in 0..<20 {
      let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
      let everything = Everything(loop: loop, note: { _ in })
      try await Task(executorPreference: loop.taskExecutor) { try await everything.begin() }.value
      async let first: Void = loop.shutdown()
      async let second: Void = loop.shutdown()
      _ = await (first, second)
      await everything.wait()
      #expect(loop.driver.operations.inFlight == 0)
    }
  }

  @Test(arguments: Backends.available)
  func stoppingWhileStarting(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    for _ in 0..<100 {
      let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
      let task = Task(executorPreference: loop.taskExecutor) { try await loop.sleep(for: .seconds(1000)) }
      await loop.shutdown()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test(arguments: Backends.available)
  func afterTheEndOperationsAreRefusedAndTasksStillRun(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    let client = try await TCPConnection.connect(to: listener.address, on: loop)
    await loop.shutdown()
    #expect(await socketErrno { _ = try await listener.accept() } == .shutDown)
    #expect(await socketErrno { try await client.send("x") } == .shutDown)
    #expect(await socketErrno { _ = try await client.receive()?.copy() } == .shutDown)
    await #expect(throws: CancellationError.self) { try await loop.sleep(for: .zero) }
    await client.close()
    await listener.close()
    // A task and an actor of the ended loop run on the thread for stragglers.
    #expect(await Task(executorPreference: loop.taskExecutor) { 42 }.value == 42)
    #expect(await Resident(loop: loop).answer() == 42)
  }

  @Test(arguments: Backends.available)
  func connectionsInTheKernelsQueueAreNoObstacle(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<300 { clients.append(try await .connect(to: listener.address, on: loop)) }
      let accepting = start(on: loop) { try await listener.accept() }
      _ = try await accepting.value
    }
  }

  @Test func runReturnsWhatItsBodyReturnsOrThrows() throws {
    struct Stop: Error {}
    for backend in Backends.available {
      let configuration = EventLoop.Configuration(backend: backend.choice)
      #expect(try EventLoop.run(configuration) { EventLoop.current?.backend } == backend)
      #expect(throws: Stop.self) { try EventLoop.run(configuration) { throw Stop() } }
      #expect(EventLoop.current == nil)
    }
  }

  private actor Resident {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }

    init(loop: EventLoop) { self.loop = loop }

    func answer() -> Int { 42 }
  }
}
