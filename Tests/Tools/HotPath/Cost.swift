import CountAllocations
import Gyre

/// What a number of requests took.
struct Cost: Sendable {
  /// The counters at one moment, on the loop's thread.
  struct Reading: Sendable {
    let loop: LoopStatistics
    let allocations: UInt64

    init(_ loop: EventLoop) {
      self.loop = loop.currentStatistics
      allocations = counted_allocations()
    }
  }

  let requests: Int
  let rounds: Int
  let waits: UInt64
  let calls: UInt64
  let jobs: UInt64
  /// `nil` where they are not counted.
  let allocations: UInt64?

  init(from before: Reading, to after: Reading, rounds: Int, requests: Int) {
    self.requests = requests
    self.rounds = rounds
    waits = after.loop.waits - before.loop.waits
    calls = after.loop.calls - before.loop.calls
    // The client's own task is resumed once a round.
    jobs = after.loop.jobs - before.loop.jobs - UInt64(rounds)
    allocations = allocations_are_counted() ? after.allocations - before.allocations : nil
  }

  var json: String {
    """
    {"requests": \(requests), "rounds": \(rounds), "waits": \(waits), "calls": \(calls), "jobs": \(jobs), \
    "allocations": \(allocations.map { "\($0)" } ?? "null")}
    """
  }
}
