import Glibc
import Testing

@testable import Gyre

/// Stopping a loop at the moments that are easy to forget.
@Suite(.serialized)
struct StoppingTests {
  /// While descriptors are short nothing of the listener is in flight, and its callers wait for a timer.
  @Test(arguments: Backends.available)
  func aCallerThatWaitsOutAShortageIsResumed(_ backend: Backend) async throws {
    try await withLoop(backend, configure: { $0.directDescriptors = 0 }) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let shortage = try DescriptorShortage()
      defer { shortage.end() }
      let accepting = start(on: loop) { try await listener.accept() }
      try await eventually("a shortage") { listener.socket.shortages.count == 1 }
      loop.stop()
      await #expect(throws: CancellationError.self) { _ = try await accepting.value }
      await client.close()
    }
  }

  /// The time has not run out: the error says what happened.
  @Test(arguments: Backends.available)
  func aTimeoutOnAStoppingLoopIsACancellation(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let tasks = [
          start(on: loop) { try await withTimeout(.seconds(1000)) { _ = try await server.receive()?.copy() } },
          start(on: loop) { try await withTimeout(.seconds(1000)) { _ = try await client.receiveIntoMemory(of: 1) } },
          start(on: loop) { try await withTimeout(.seconds(1000)) { try await loop.sleep(for: .seconds(1000)) } },
        ]
        try await eventually("waiting") { loop.timers.count >= 4 && loop.driver.operations.inFlight >= 2 }
        loop.stop()
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
      }
    }
  }

  /// The runtime's own sleep has no way to say that the loop has gone: it keeps its time, whether it began before or after.
  @Test(arguments: Backends.available)
  func theRuntimesSleepKeepsItsTime(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let isAsleep = Ending()
    let sleeper = Task(executorPreference: loop.taskExecutor) {
      var times: [Duration] = []
      for time in [Duration.milliseconds(200), .milliseconds(5)] {
        let start = LoopClock.Instant.now
        isAsleep.end()
        try await Task.sleep(for: time)
        times.append(start.duration(to: .now))
      }
      return times
    }
    await isAsleep.wait()
    while try await loop.queues.timers == 0 { await Task.yield() }
    await loop.shutdown()
    let times = try await sleeper.value
    #expect(times[0] >= .milliseconds(200))
    #expect(times[1] >= .milliseconds(5))
  }

  /// Whatever its loop does: a task that waits for something else must not wait for ever.
  @Test(arguments: Backends.available)
  func aTimeLimitIsKeptWhenItsLoopStops(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let isWaiting = Ending()
    let waiter = Task(executorPreference: loop.taskExecutor) {
      var errors: [String] = []
      for _ in 0..<2 {
        do {
          // The second one begins when the loop has ended.
          try await withTimeout(.milliseconds(100)) {
            isWaiting.end()
            try await StoppingTests.waitForCancellation()
          }
        } catch { errors.append("\(type(of: error))") }
      }
      return errors
    }
    await isWaiting.wait()
    while try await loop.queues.timers == 0 { await Task.yield() }
    await loop.shutdown()
    #expect(await waiter.value == ["TimeoutError", "TimeoutError"])
    // A limit that is not reached leaves nothing behind.
    let early = Task(executorPreference: loop.taskExecutor) { try await withTimeout(.seconds(1000)) { 7 } }
    #expect(try await early.value == 7)
    #expect(Timekeeper.count == 0)
  }

  /// Waits without any loop.
  private static func waitForCancellation() async throws {
    let never = AsyncStream<Void>.makeStream()
    for await _ in never.stream {}
    try Task.checkCancellation()
  }

  /// A loop that is kept although it was stopped waits for what comes, in the kernel.
  @Test(arguments: Backends.available)
  func aStoppingLoopDoesNotSpin(_ backend: Backend) throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let turns = try EventLoop.run(EventLoop.Configuration(backend: backend.choice)) {
      let loop = EventLoop.current!
      loop.stop()
      let before = loop.counters.turns
      _ = try await withTimeout(.seconds(1000)) { try await blocking { usleep(100_000) } }
      try await Task.sleep(for: .milliseconds(100))
      return loop.counters.turns - before
    }
    #expect(turns < 100)
  }

  /// Tasks that do not care for the errors of a stopped loop, or wait by yielding.
  @Test(arguments: Backends.available)
  func tasksThatAreAlwaysReadyDoNotKeepALoop(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 60)
    defer { watchdog.stop() }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let isOver = Shared(false)
    let tasks = [
      start(on: loop) { while !isOver.value { await Task.yield() } },
      start(on: loop) { while !isOver.value { try? await loop.sleep(for: .seconds(1000)) } },
    ]
    await loop.shutdown()
    isOver.update { $0 = true }
    for task in tasks { try await task.value }
  }

  /// A handler that logs errors and goes on.
  @Test(arguments: Backends.available)
  func ownersThatTryAgainDoNotKeepALoop(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 60)
    defer { watchdog.stop() }
    let ways: [@Sendable (TCPConnection) async throws -> Void] = [
      { _ = try await $0.receive()?.count },
      { _ = try await $0.receiveIntoMemory(of: 1) },
      { try await $0.send("x") },
      { _ = try await $0.exchange("x")?.count },
    ]
    let other = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: other)
    for way in ways {
      let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
      let (isConnected, isOver) = (Ending(), Shared(false))
      let owner = start(on: loop) {
        try await TCPConnection.withConnection(to: listener.address) { connection in
          isConnected.end()
          while !isOver.value { try? await way(connection) }
        }
      }
      await isConnected.wait()
      await loop.shutdown()
      isOver.update { $0 = true }
      try await owner.value
    }
    await listener.close()
    await other.shutdown()
  }

  /// `run` waits for its body, so the body cannot wait for the loop's end.
  @Test(arguments: Backends.available)
  func aBodyCanShutItsLoopDown(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let isStopping = try await Task.detached {
      try EventLoop.run(EventLoop.Configuration(backend: backend.choice)) {
        let loop = EventLoop.current!
        let sleeper = Task { try await loop.sleep(for: .seconds(1000)) }
        await loop.shutdown()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        await Task.detached { await loop.shutdown() }.value
        return loop.isStopping
      }
    }.value
    #expect(isStopping)
  }

  @Test(arguments: Backends.available)
  func tasksGoOnAfterTheEndOfTheirLoop(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let (gate, isWaiting) = (Ending(), Ending())
    let tasks = (0..<4).map { number in
      Task(executorPreference: loop.taskExecutor) {
        isWaiting.end()
        await gate.wait()
        // Children inherit the preference for the ended loop.
        return await withTaskGroup(of: Int.self) { group in
          for child in 0..<3 {
            group.addTask {
              await Task.yield(); return child
            }
          }
          return await group.reduce(number, +)
        }
      }
    }
    await isWaiting.wait()
    await loop.shutdown()
    gate.end()
    for (number, task) in tasks.enumerated() { #expect(await task.value == number + 3) }
  }

  /// `serve` says that it ended because the loop did, wherever the stop finds it.
  @Test(arguments: Backends.available)
  func serveEndsWithACancellationErrorWhenTheLoopStops(_ backend: Backend) async throws {
    for connections in 0..<6 {
      try await withLoop(backend) { loop in
        let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
        let served = Shared(0)
        let serving = start(on: loop) {
          try await listener.serve { connection in
            served.update { $0 += 1 }
            // The last one stops the loop while the next is on its way.
            if served.value == connections { loop.stop() }
            _ = try await connection.receive()?.count
          }
        }
        var clients: [TCPConnection] = []
        while clients.count < connections, let client = try? await TCPConnection.connect(to: listener.address, on: loop)
        {
          clients.append(client)
        }
        if connections == 0 { loop.stop() }
        await #expect(throws: CancellationError.self) { try await serving.value }
      }
    }
  }

  @Test(arguments: Backends.available)
  func runCancelsWhatItsBodyLeftBehind(_ backend: Backend) throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let before = OpenDescriptors.list()
    let ended = Shared(0)
    for _ in 0..<10 {
      try EventLoop.run(EventLoop.Configuration(backend: backend.choice)) {
        let loop = EventLoop.current!
        let everything = Everything(loop: loop, note: { _ in ended.update { $0 += 1 } })
        try await everything.begin()
      }
    }
    #expect(ended.value == 10 * Everything.count)
    #expect(OpenDescriptors.list().subtracting(before).isEmpty)
  }

  /// What a body does to clean up is not cut off, wherever it does it.
  @Test(arguments: Backends.available)
  func runWaitsForItsBody(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let saved = try await Task.detached {
      try EventLoop.run(EventLoop.Configuration(backend: backend.choice)) {
        let loop = EventLoop.current!
        Task { loop.stop() }
        var saved: [String] = []
        do { try await loop.sleep(for: .seconds(1000)) } catch is CancellationError { saved.append("cancelled") }
        saved.append(
          try await blocking {
            usleep(20_000)
            return "blocking"
          }
        )
        saved.append(
          await Task.detached {
            await Task.yield()
            return "pool"
          }.value
        )
        try await Task.sleep(for: .milliseconds(5))
        saved.append(loop.isCurrent ? "on the loop" : "elsewhere")
        return saved
      }
    }.value
    #expect(saved == ["cancelled", "blocking", "pool", "on the loop"])
  }

  @Test(arguments: Backends.available)
  func runOnALoopsThreadIsRefused(_ backend: Backend) async throws {
    try await withLoop(backend) { _ in
      let error = #expect(throws: ConfigurationError.self) { try EventLoop.run {} }
      #expect(error?.description.contains("EventLoop.run is called on a loop's thread") == true)
      #expect(throws: ConfigurationError.self) { try GlobalExecutor.run {} }
    }
  }

  @Test(arguments: Backends.available)
  func aHundredLoopsStopWhileThreadsUseThem(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 60)
    defer { watchdog.stop() }
    for _ in 0..<100 {
      let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let users = (0..<4).map { _ in
        Task.detached {
          do {
            for _ in 0..<10_000 {
              let client = try await TCPConnection.connect(to: listener.address, on: loop)
              try await client.send("x")
              await client.close()
            }
          } catch {}
        }
      }
      _ = try await listener.accept()
      await loop.shutdown()
      for user in users { await user.value }
      await listener.close()
      #expect(loop.driver.operations.inFlight == 0 && loop.driver.buffers.held == 0)
    }
  }

  /// A task that asks again and again for what is refused, or for what needs no waiting.
  @Test(arguments: Backends.available)
  func callsThatComeBackAtOnceKeepNoLoop(_ backend: Backend) async throws {
    try await withLoops([backend, backend]) { loops in
      let (loop, other) = (loops[0], loops[1])
      let closed = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      await closed.close()
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let stopping = try TCPListener.bind(to: .loopback(port: 0), on: other)
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let isOver = Shared(false)
      let calls: [@Sendable () async throws -> Void] = [
        { _ = try await closed.accept() }, { _ = try await client.localAddress }, { _ = try await stopping.accept() },
      ]
      let tasks = zip([loop, loop, other], calls).map { loop, call in
        start(on: loop) { while !isOver.value { try? await call() } }
      }
      for _ in 0..<20 { try await loop.sleep(for: .milliseconds(1)) }
      await other.shutdown()
      isOver.update { $0 = true }
      for task in tasks { try await task.value }
      await client.close()
      await listener.close()
      await stopping.close()
    }
  }
}
