/// What a loop has done since it began.
public struct LoopStatistics: Sendable {
  /// Turns of the loop.
  public let turns: UInt64
  /// Jobs of tasks run.
  public let jobs: UInt64
  /// System calls that submit and wait: `io_uring_enter(2)`, or `epoll_pwait2(2)`.
  public let waits: UInt64
  /// System calls of single operations, which the driver made itself: under io_uring only sends on a
  /// loop that has nothing else to do.
  public let calls: UInt64
  /// Completions delivered.
  public let completions: UInt64
  /// Turns in which the completion queue had overflowed.
  public let overflows: UInt64
  /// Operations that had to wait for room in the submission queue.
  public let delayedStarts: UInt64
  /// Receives that found no free buffer.
  public let exhaustions: UInt64
  /// Operations started.
  public let operations: UInt64
  /// Operations in flight now.
  public let operationsInFlight: Int
  /// Buffers that hold received bytes now.
  public let buffersHeld: Int
  /// Timers pending now.
  public let timers: Int
  /// Waits that the loop spun through instead of sleeping, because work came: `EventLoop.Configuration.spin`.
  public let spins: UInt64
  /// Where the time has gone; `nil` unless the loop measures it: `EventLoop.Configuration.measuresTime`.
  public let times: TurnTimes?
  /// The job that has run longest; `nil` unless the loop measures time or has a limit for slow jobs.
  public let longestJob: SlowJob?
}

extension EventLoop {
  /// What the loop has done so far.
  ///
  /// Read at once on the loop's own thread; from elsewhere it costs a hop to the loop and back.
  /// - Throws: `CancellationError` if the loop has ended.
  public var statistics: LoopStatistics {
    get async throws { try await read { $0.currentStatistics } }
  }

  /// What the loop has done so far. On the loop's thread only.
  package var currentStatistics: LoopStatistics {
    if !isCurrent { fatalError("a loop's statistics are read on its own thread") }
    let (loop, driver) = (counters, driver.counters)
    return LoopStatistics(
      turns: loop.turns,
      jobs: loop.jobs,
      waits: driver.waits,
      calls: driver.calls,
      completions: driver.completions,
      overflows: driver.overflows,
      delayedStarts: driver.delayedStarts,
      exhaustions: self.driver.buffers.exhaustions,
      operations: self.driver.operations.started,
      operationsInFlight: self.driver.operations.inFlight,
      buffersHeld: self.driver.buffers.held,
      timers: timers.count,
      spins: spinner?.hits ?? 0,
      times: configuration.measuresTime ? times : nil,
      longestJob: jobWatch?.longest
    )
  }
}
