import Glibc
import Testing

@testable import Gyre

/// Calls that block, on threads of their own.
@Suite(.serialized)
struct BlockingPoolTests {
  private struct Refused: Error {}

  @Test(arguments: Backends.available)
  func aCallRunsElsewhereAndItsCallerGoesOnOnItsLoop(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let pool = BlockingPool(maxThreads: 2)
      let isOnLoop = try await pool.run { loop.isCurrent }
      #expect(!isOnLoop)
      #expect(loop.isCurrent)
      await #expect(throws: Refused.self) { try await pool.run { throw Refused() } }
      #expect(loop.isCurrent)
      let result = try await blocking { 7 }
      #expect(result == 7)
    }
  }

  @Test(arguments: Backends.available)
  func noMoreThanTheMostThreadsRunAtATime(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let pool = BlockingPool(maxThreads: 3)
      let running = Shared((now: 0, most: 0))
      let gate = Gate()
      try await withThrowingTaskGroup { group in
        for _ in 0..<20 {
          group.addTask(executorPreference: loop.taskExecutor) {
            try await pool.run {
              running.update { ($0.now, $0.most) = ($0.now + 1, max($0.most, $0.now + 1)) }
              gate.wait()
              running.update { $0.now -= 1 }
            }
          }
        }
        try await eventually("three run, the others wait") { running.value.now == 3 && pool.waiting == 17 }
        gate.open()
        try await group.waitForAll()
      }
      #expect(running.value == (0, 3))
      #expect(pool.threads <= 3)
    }
  }

  @Test(arguments: Backends.available)
  func aCancelledCallThatWaitsNeverRuns(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let pool = BlockingPool(maxThreads: 1)
      let gate = Gate()
      let ran = Shared<[Int]>([])
      let first = start(on: loop) { try await pool.run { gate.wait() } }
      try await eventually("the first runs") { pool.threads == 1 && pool.waiting == 0 }
      let others = (0..<10).map { index in
        start(on: loop) { try await pool.run { ran.update { $0.append(index) } } }
      }
      try await eventually("the others wait") { pool.waiting == 10 }
      for index in stride(from: 0, to: 10, by: 2) {
        others[index].cancel()
        await #expect(throws: CancellationError.self) { try await others[index].value }
      }
      #expect(pool.waiting == 5)
      gate.open()
      try await first.value
      for index in stride(from: 1, to: 10, by: 2) { try await others[index].value }
      #expect(ran.value == [1, 3, 5, 7, 9])
    }
  }

  @Test(arguments: Backends.available)
  func aCancelledCallThatRunsIsWaitedForAndItsResultKept(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let pool = BlockingPool(maxThreads: 1)
      let gate = Gate()
      let hasBegun = Shared(false)
      let call = start(on: loop) {
        try await pool.run {
          hasBegun.update { $0 = true }
          gate.wait()
          return 11
        }
      }
      try await eventually("it runs") { hasBegun.value }
      call.cancel()
      gate.open()
      #expect(try await call.value == 11)
      let late = start(on: loop) {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await pool.run { 1 }
      }
      await #expect(throws: CancellationError.self) { try await late.value }
    }
  }

  @Test(arguments: Backends.available)
  func idleThreadsEndAndSoDoThoseOfAPoolThatIsGone(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let brief = BlockingPool(maxThreads: 4, idleTime: .milliseconds(20), name: "brief")
      try await brief.run {}
      try await eventually("the idle thread ends") { brief.threads == 0 }
      let result = try await brief.run { 3 }
      #expect(result == 3)
      var lasting: BlockingPool? = BlockingPool(maxThreads: 4, idleTime: .seconds(3600), name: "lasting")
      try await lasting!.run {}
      #expect(Threads.count(named: "lasting") == 1)
      lasting = nil
      try await eventually("the pool's thread ends with it") { Threads.count(named: "lasting") == 0 }
    }
  }
}
