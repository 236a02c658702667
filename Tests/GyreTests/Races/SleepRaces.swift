import Testing

@testable import Gyre

/// Races cancellation and timeouts against the ends of sleeps: each ends once, and no timer is left.
struct SleepRaces {
  let loop: EventLoop
  var random: SeededGenerator

  mutating func run(_ count: Int) async throws -> RaceTally {
    var tally = RaceTally()
    for _ in 0..<count {
      if try await race() { tally.completed += 1 } else { tally.cancelled += 1 }
    }
    return tally
  }

  /// One sleep against one cancellation. True if the sleep won.
  private mutating func race() async throws -> Bool {
    let loop = loop
    let length = Duration.microseconds(Int.random(in: 0...30, using: &random))
    // Often none: where everything is slow, no sleep would be over before its limit.
    let limit = Duration.microseconds(Bool.random(using: &random) ? .random(in: 0...60, using: &random) : 60_000_000)
    let sleeper = Task(executorPreference: loop.taskExecutor) {
      try await withTimeout(limit) { try await loop.sleep(for: length) }
    }
    if Bool.random(using: &random) {
      for _ in 0..<random.spread(64) { await Task.yield() }
      sleeper.cancel()
    }
    do {
      try await sleeper.value
      return true
    } catch is CancellationError {
      return false
    } catch is TimeoutError {
      return false
    }
  }
}
