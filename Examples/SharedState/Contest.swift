import Gyre

/// All loops counting with one counter at the same time, as connections on all threads would.
struct Contest {
  let loops: [EventLoop]
  /// What each loop adds.
  let count: Int

  /// Additions between two moments at which other tasks of the loop may run.
  private static let additionsAtOnce = 1000

  struct Outcome {
    let name: String
    let total: Int
    /// Nanoseconds of the clock for one addition of one loop.
    let nanoseconds: Double
  }

  func run(_ counter: some Counter) async -> Outcome {
    let started = ContinuousClock.now
    await withDiscardingTaskGroup { group in
      for (number, loop) in loops.enumerated() {
        group.addTask(executorPreference: loop.taskExecutor) { await add(to: counter, onLoop: number) }
      }
    }
    let duration = (ContinuousClock.now - started) / count
    let nanoseconds = Double(duration.components.attoseconds) / 1e9 + Double(duration.components.seconds) * 1e9
    return Outcome(name: counter.name, total: await counter.total(), nanoseconds: nanoseconds)
  }

  private func add(to counter: some Counter, onLoop number: Int) async {
    var left = count
    while left > 0 {
      for _ in 0..<min(left, Contest.additionsAtOnce) { await counter.add(onLoop: number) }
      left -= Contest.additionsAtOnce
      await Task.yield()
    }
  }
}
