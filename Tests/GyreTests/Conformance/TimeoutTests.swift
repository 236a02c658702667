import Testing

@testable import Gyre

/// Sleeping and time-outs: limits, what wins, and where they can be called.
@Suite(.serialized)
struct TimeoutTests {
  private struct Refused: Error {}

  @Test(arguments: Backends.available)
  func everyDurationIsTaken(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await loop.sleep(for: .zero)
      try await loop.sleep(for: .seconds(-5))
      try await loop.sleep(for: .seconds(Int64.min))
      try await loop.sleep(until: .now - .seconds(5))
      #expect(try await withTimeout(.seconds(Int64.max)) { 7 } == 7)
      #expect(try await withTimeout(.seconds(-1)) { 7 } == 7)
      let sleepers = [
        start(on: loop) { try await loop.sleep(for: .seconds(Int64.max)) },
        start(on: loop) { try await loop.sleep(until: .now + .seconds(Int64.max)) },
      ]
      try await eventually("asleep") { loop.timers.count >= 2 }
      for sleeper in sleepers { sleeper.cancel() }
      for sleeper in sleepers { await #expect(throws: CancellationError.self) { try await sleeper.value } }
      #expect(loop.timers.count == 0)
    }
  }

  /// Cancelling runs handlers, and here, on the same stack, all that they make ready: the body up to its end.
  @Test(arguments: Backends.available)
  func aTaskMayEndWhileItsTimeoutCancelsIt(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let task = Task(executorPreference: InlineExecutor()) {
        try await withTimeout(.milliseconds(1)) {
          for await _ in AsyncStream<Void>.makeStream().stream {}
          try Task.checkCancellation()
        }
      }
      await #expect(throws: TimeoutError.self) { try await task.value }
      #expect(loop.timers.count == 0)
    }
  }

  @Test(arguments: Backends.available)
  func theBodysOwnEndWins(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      await #expect(throws: Refused.self) { try await withTimeout(.seconds(1000)) { throw Refused() } }
      // A body that returns in spite of the cancellation is believed.
      let answer = try await withTimeout(.milliseconds(1)) {
        try? await loop.sleep(for: .seconds(1000))
        return 42
      }
      #expect(answer == 42)
      let nothing: Int? = try await withTimeout(.seconds(1000)) { nil }
      #expect(nothing == nil)
      // Cancelling the caller is no time-out.
      let task = start(on: loop) { try await withTimeout(.seconds(1000)) { try await loop.sleep(for: .seconds(1000)) } }
      try await eventually("asleep") { loop.timers.count >= 2 }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(loop.timers.count == 0)
    }
  }

  @Test(arguments: Backends.available)
  func theShorterOfTwoTimeoutsEnds(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        // The longer one is far beyond the test's own deadline.
        for (outer, inner) in [(2, 1_000_000), (1_000_000, 2)] {
          await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(outer)) {
              try await withTimeout(.milliseconds(inner)) { _ = try await server.receiveIntoMemory(of: 1) }
            }
          }
        }
      }
    }
  }

  /// Off any loop, time is kept by the shared one.
  @Test(arguments: Backends.available)
  func timeoutsWorkOutsideOfLoops(_ backend: Backend) async throws {
    // Started before the count of descriptors: it is never stopped.
    _ = try EventLoop.shared()
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        try await Task.detached {
          await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(2)) { _ = try await server.receive()?.copy() }
          }
          try await loop.sleep(for: .milliseconds(1))
          let sleeper = Task.detached { try await loop.sleep(for: .seconds(1000)) }
          sleeper.cancel()
          await #expect(throws: CancellationError.self) { try await sleeper.value }
        }.value
        try await pair.client.send("still there")
        #expect(try await server.receive(exactly: 11).count == 11)
      }
    }
  }

  /// A cancelled timer is removed at once, and not at its deadline.
  @Test(arguments: Backends.available)
  func tenThousandSleepersAreCancelledAtOnce(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let sleepers = (0..<10_000).map { number in
        start(on: loop) { try await loop.sleep(for: .seconds(1000 + number % 7)) }
      }
      try await eventually("asleep") { loop.timers.count >= 10_000 }
      for sleeper in sleepers.shuffled() { sleeper.cancel() }
      #expect(loop.timers.count == 0)
      var cancelled = 0
      for sleeper in sleepers {
        if case .failure(is CancellationError) = await sleeper.result { cancelled += 1 }
      }
      #expect(cancelled == 10_000)
    }
  }
}
