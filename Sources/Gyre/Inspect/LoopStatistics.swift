/// What a loop has done since it began.
package struct LoopStatistics: Sendable {
  /// Turns of the loop.
  package let turns: UInt64
  /// Jobs of tasks run.
  package let jobs: UInt64
  /// System calls that submit and wait: `io_uring_enter(2)`, or `epoll_pwait2(2)`.
  package let waits: UInt64
  /// Completions delivered.
  package let completions: UInt64
  /// Turns in which the completion queue had overflowed.
  package let overflows: UInt64
  /// Operations that had to wait for room in the submission queue.
  package let delayedStarts: UInt64
  /// Receives that found no free buffer.
  package let exhaustions: UInt64
  /// Operations started.
  package let operations: UInt64
  /// Operations in flight now.
  package let operationsInFlight: Int
  /// Buffers that hold received bytes now.
  package let buffersHeld: Int
  /// Timers pending now.
  package let timers: Int
}

extension EventLoop {
  /// What the loop has done so far. On the loop's thread only.
  package var statistics: LoopStatistics {
    precondition(isCurrent, "a loop's statistics are read on its own thread")
    let (loop, driver) = (counters, driver.counters)
    return LoopStatistics(
      turns: loop.turns,
      jobs: loop.jobs,
      waits: driver.waits,
      completions: driver.completions,
      overflows: driver.overflows,
      delayedStarts: driver.delayedStarts,
      exhaustions: self.driver.buffers.exhaustions,
      operations: self.driver.operations.started,
      operationsInFlight: self.driver.operations.inFlight,
      buffersHeld: self.driver.buffers.held,
      timers: timers.count
    )
  }
}
