import Measuring

/// A million tasks that sleep, of which half are cancelled and the others wake up.
enum Timers {
  private static let count = 1_000_000

  /// What a timer takes in processor time; most of the clock's is spent asleep.
  static func measure(_ sleep: @escaping @Sendable (Duration) async throws -> Void) async throws -> Figures {
    let stopwatch = Stopwatch()
    let begun = ContinuousClock.now
    // All are asleep before the first one is due.
    let due = begun + .seconds(10)
    var sleepers: [Task<Void, any Error>] = []
    sleepers.reserveCapacity(count)
    for number in 0..<count {
      sleepers.append(Task { try await sleep(due - .now + .microseconds(number % 1000)) })
      // Lets them get to their sleep; otherwise a million tasks wait to begin.
      if number % 1000 == 999 { await Task.yield() }
    }
    for number in stride(from: 0, to: count, by: 2) { sleepers[number].cancel() }
    var fired = 0
    for sleeper in sleepers {
      if case .success = await sleeper.result { fired += 1 }
    }
    precondition(fired == count / 2, "\(fired) timers fired of \(count / 2)")
    return Figures([("cpu_ns", stopwatch.processorTime / Double(count))])
  }
}
