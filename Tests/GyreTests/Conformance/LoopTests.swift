import Glibc
import Testing

@testable import Gyre

/// The loop itself: where tasks run, wake-ups, time, and fairness.
@Suite(.serialized)
struct LoopTests {
  private actor Counter {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
    private(set) var count = 0

    init(loop: EventLoop) { self.loop = loop }

    func add() -> Bool {
      count += 1
      return loop.isCurrent
    }
  }

  /// Synchronous code on the loop's thread is in the isolation of the loop's actors.
  private func isolatedCount(of counter: Counter) -> Int { counter.assumeIsolated { $0.count } }

  @Test(arguments: Backends.available)
  func tasksAndActorsRunOnTheLoopsThread(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      #expect(loop.isCurrent && EventLoop.current === loop)
      let counter = Counter(loop: loop)
      #expect(await counter.add())
      #expect(isolatedCount(of: counter) == 1)
      async let child = loop.isCurrent
      #expect(await child)
      #expect(
        await withTaskGroup(of: Bool.self) { group in
          group.addTask { loop.isCurrent }
          return await group.next()!
        }
      )
      #expect(await Task.detached { loop.isCurrent }.value == false)
      #expect(await Task.detached { await counter.add() }.value)
    }
  }

  private static func assumeIsolation(of counter: Counter) { counter.assumeIsolated { _ = $0.count } }

  /// An actor of a loop is used on its thread alone: synchronous access from elsewhere stops the program.
  @Test
  func assumingIsolationOffTheLoopTraps() async {
    await #expect(processExitsWith: .failure) {
      LoopTests.assumeIsolation(of: Counter(loop: try EventLoop.start(EventLoop.Configuration(backend: .epoll))))
    }
  }

  @Test(arguments: Backends.available)
  func operationsWorkFromEveryExecutor(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        try await Task.detached {
          #expect(EventLoop.current == nil)
          for round in 0..<50 {
            try await client.send("round \(round)")
            let text = try await server.receive()?.text
            #expect(text == "round \(round)")
            try await server.send("memory")
            let bytes = try await client.receiveIntoMemory(of: 6)
            #expect(bytes.count == 6)
          }
          await client.close()
          let isEnd = try await server.receive() == nil
          #expect(isEnd)
        }.value
      }
    }
  }

  @Test(arguments: Backends.available)
  func noWakeUpIsLost(_ backend: Backend) async throws {
    let total = Shared(0)
    try await withLoop(backend) { loop in
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask(executorPreference: globalConcurrentExecutor) {
            for _ in 0..<2000 {
              // Each waits for its own, so the loop parks again and again.
              await withUnsafeContinuation { done in
                loop.perform {
                  total.update { $0 += 1 }
                  done.resume()
                }
              }
            }
          }
        }
      }
    }
    #expect(total.value == 16_000)
  }

  @Test(arguments: Backends.available)
  func timersFireInOrderAndNotBeforeTheirTime(_ backend: Backend) async throws {
    let order = Shared([Int]())
    try await withLoop(backend) { loop in
      await withTaskGroup(of: Void.self) { group in
        for number in (0..<50).shuffled() {
          group.addTask {
            let start = EventLoop.now
            try? await loop.sleep(for: .milliseconds(5 + number * 2))
            #expect(EventLoop.now - start >= UInt64(5 + number * 2) * 1_000_000)
            order.update { $0.append(number) }
          }
        }
      }
      #expect(loop.timers.count == 0)
    }
    #expect(order.value == Array(0..<50))
  }

  @Test(arguments: Backends.available)
  func aTaskThatYieldsForEverStopsNobody(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let busy = start(on: loop) {
        while !Task.isCancelled { await Task.yield() }
      }
      let failures = try await EchoTraffic(loop: loop, connections: 4, messages: 20).run()
      #expect(failures.isEmpty)
      try await loop.sleep(for: .milliseconds(5))
      busy.cancel()
      try await busy.value
    }
  }

  /// A connection whose bytes never run out takes turns with the others.
  @Test(arguments: Backends.available)
  func aStreamAtFullSpeedStopsNobody(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let source = start(on: loop) {
          let block = [UInt8](repeating: 1, count: 1 << 20)
          while true { try await client.send(block) }
        }
        let sink = start(on: loop) {
          while try await server.receive() != nil {}
        }
        let failures = try await EchoTraffic(loop: loop, connections: 4, messages: 20).run()
        #expect(failures.isEmpty)
        source.cancel()
        sink.cancel()
        _ = await (source.result, sink.result)
      }
    }
  }

  @Test(arguments: Backends.available)
  func anAcceptStormStopsNobody(_ backend: Backend) async throws {
    try await withLoop(backend, seconds: 60) { loop in
      let storm = try TCPListener.bind(to: SocketAddress("127.0.0.77:0"), on: loop)
      let accepted = Shared(0)
      let serving = start(on: loop) {
        try await storm.serve { _ in accepted.update { $0 += 1 } }
      }
      let connecting = start(on: loop) {
        for _ in 0..<100 {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
              group.addTask { await (try TCPConnection.connect(to: storm.address, on: loop)).close() }
            }
            try await group.waitForAll()
          }
        }
      }
      let failures = try await EchoTraffic(loop: loop, connections: 4, messages: 20).run()
      #expect(failures.isEmpty)
      try await connecting.value
      try await eventually("all accepted") { accepted.value == 10_000 }
      await storm.close()
      try await serving.value
    }
  }

  @Test(arguments: Backends.available)
  func anIdleLoopDoesNotTurn(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let receiving = start(on: loop) { try await server.receive()?.copy() }
        try await loop.sleep(for: .milliseconds(20))
        let turns = loop.counters.turns
        try await loop.sleep(for: .milliseconds(200))
        #expect(loop.counters.turns - turns < 10)
        try await pair.client.send("x")
        #expect(try await receiving.value == [120])
      }
    }
  }

  /// Twenty thousand connections, opened and closed: the descriptors and buffers that `withLoop` counts are all back.
  @Test(arguments: Backends.available)
  func connectsAndClosesLeakNothing(_ backend: Backend) async throws {
    let rounds = environmentNumber("GYRE_CHURN", default: 20_000)
    try await withLoop(backend, seconds: 60 + rounds / 1000) { loop in
      try await Churn(loop: loop).run(2_000)
      let before = Churn.residentKilobytes
      try await Churn(loop: loop).run(rounds)
      let growth = Churn.residentKilobytes - before
      print("churn \(backend): \(rounds) connections, memory grew by \(growth) KiB")
      #expect(Sanitizer.isOn || growth < 4096, "memory grew")
    }
  }
}
