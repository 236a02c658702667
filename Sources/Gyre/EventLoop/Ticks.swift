/// Moments at equal distances, counted from one start: what a tick's work takes does not put the later ones off.
///
/// ```swift
/// for try await _ in try loop.ticks(every: .seconds(1)) { report() }
/// ```
///
/// The element is the number of the tick, from 1. A consumer that was away for several ticks gets the latest in the loop's
/// next turn and none of those before it: the number tells how many it missed. One that is always late lets others run all
/// the same. Iterating ends only by an error: `CancellationError` when the task is cancelled or the loop stops, or has
/// stopped. Each iterator counts from its own start.
public struct Ticks: AsyncSequence, Sendable {
  let loop: EventLoop
  let interval: UInt64

  /// Starts counting now.
  public func makeAsyncIterator() -> Iterator { Iterator(loop: loop, interval: interval, start: EventLoop.now) }

  /// Counts the ticks since its start.
  public struct Iterator: AsyncIteratorProtocol {
    let loop: EventLoop
    let interval: UInt64
    let start: UInt64
    private var last = 0

    init(loop: EventLoop, interval: UInt64, start: UInt64) {
      self.loop = loop
      self.interval = interval
      self.start = start
    }

    /// Suspends until the next tick, or until the loop's next turn if one has passed since the last call.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first or the loop stops, or has stopped.
    public mutating func next() async throws -> Int? {
      last = Swift.max(last + 1, Int((EventLoop.now - start) / interval))
      // Of a tick that has passed, too: sleeping lets others run, and knows whether the loop still keeps time.
      try await loop.sleep(untilNanoseconds: start.addingSaturating(interval.multipliedSaturating(by: UInt64(last))))
      return last
    }
  }
}

extension EventLoop {
  /// Ticks of this loop's clock.
  ///
  /// - Throws: `ConfigurationError` if `interval` is not positive.
  public func ticks(every interval: Duration) throws(ConfigurationError) -> Ticks {
    let nanoseconds = interval.nanosecondsClamped
    guard nanoseconds > 0 else { throw ConfigurationError("ticks every \(interval): use an interval above zero") }
    return Ticks(loop: self, interval: nanoseconds)
  }
}
