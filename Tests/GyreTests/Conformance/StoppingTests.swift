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
      try await eventually("a shortage") { listener.socket.shortages >= 1 }
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

  /// The runtime's own sleep cannot be told that the loop has gone: what is pending ends early, what begins later keeps time.
  @Test(arguments: Backends.available)
  func sleepersOfTheRuntimeAreNotLeftBehind(_ backend: Backend) async throws {
    // Keeps the time of loops that have ended. Started before descriptors are counted: it is never stopped.
    _ = try EventLoop.shared()
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let isAsleep = Ending()
    let sleeper = Task(executorPreference: loop.taskExecutor) {
      isAsleep.end()
      try await Task.sleep(for: .seconds(1000))
      let start = LoopClock.Instant.now
      try await Task.sleep(for: .milliseconds(5))
      return start.duration(to: .now)
    }
    await isAsleep.wait()
    while try await loop.queues.timers == 0 { await Task.yield() }
    await loop.shutdown()
    #expect(try await sleeper.value >= .milliseconds(5))
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

  /// A body that waits for something else when another task stops the loop goes on; `run` does not wait for it.
  @Test(arguments: Backends.available)
  func runEndsWithItsLoop(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    let (gate, hasEnded) = (Ending(), Ending())
    await Task.detached {
      _ = #expect(throws: CancellationError.self) {
        try EventLoop.run(EventLoop.Configuration(backend: backend.choice)) {
          let loop = EventLoop.current!
          Task.detached { loop.stop() }
          await gate.wait()
          hasEnded.end()
        }
      }
    }.value
    gate.end()
    await hasEnded.wait()
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
}
