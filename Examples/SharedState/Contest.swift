import Gyre

/// All loops counting with one counter at the same time, as connections on all threads would.
struct Contest {
  let loops: [EventLoop]
  /// What each loop adds.
  let count: Int

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
        group.addTask(executorPreference: loop.taskExecutor) { await counter.add(times: count, onLoop: number) }
      }
    }
    let duration = (ContinuousClock.now - started) / count
    let nanoseconds = Double(duration.components.attoseconds) / 1e9 + Double(duration.components.seconds) * 1e9
    return Outcome(name: counter.name, total: await counter.total(), nanoseconds: nanoseconds)
  }
}
