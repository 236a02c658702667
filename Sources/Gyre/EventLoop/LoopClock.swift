/// Time as the loops' timers count it: nanoseconds of `CLOCK_MONOTONIC`, which stands still while the machine is suspended.
/// `clock_gettime(2)`
///
/// ```swift
/// let clock = LoopClock()
/// let spent = try await clock.measure { try await connection.send(request) }
/// try await clock.sleep(until: .now.advanced(by: .seconds(1)))
/// ```
public struct LoopClock: Clock {
  /// A moment.
  public struct Instant: InstantProtocol {
    /// Nanoseconds since an arbitrary moment before the machine's start.
    public let nanoseconds: UInt64

    /// The moment of the call; costs about 25 ns.
    public static var now: Instant { Instant(nanoseconds: EventLoop.now) }

    /// The moment `duration` later; the earliest or the last moment if there is none so far away.
    public func advanced(by duration: Duration) -> Instant {
      let distance = duration.nanosecondsClamped
      guard duration < .zero else { return Instant(nanoseconds: nanoseconds.addingSaturating(distance)) }
      // The shortest duration has no counterpart.
      let back = (Duration.zero - max(duration, .seconds(Int64.min / 2))).nanosecondsClamped
      return Instant(nanoseconds: back > nanoseconds ? 0 : nanoseconds - back)
    }

    /// The time from this moment to `other`, negative if that was before.
    public func duration(to other: Instant) -> Duration {
      other >= self
        ? .nanoseconds(Int64(clamping: other.nanoseconds - nanoseconds))
        : .zero - .nanoseconds(Int64(clamping: nanoseconds - other.nanoseconds))
    }

    /// Whether `left` comes before `right`.
    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
  }

  /// The loop whose timers `sleep` uses; `nil` for the caller's, or the shared one.
  public let loop: EventLoop?

  /// The clock of the caller's loop, or of `loop`.
  public init(_ loop: EventLoop? = nil) { self.loop = loop }

  /// The moment of the call.
  public var now: Instant { .now }
  /// One nanosecond. The kernel wakes a thread up to some 50 µs late (`PR_SET_TIMERSLACK`, prctl(2)).
  public var minimumResolution: Duration { .nanoseconds(1) }

  /// Suspends the calling task until `deadline`. Costs a timer of the loop, which is removed at once when the task is
  /// cancelled; `tolerance` is not used.
  ///
  /// - Throws: `CancellationError` if the task is cancelled first or the loop stops; `BackendError` if there is no loop and
  ///   the shared one cannot be made.
  public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
    let loop = try loop ?? EventLoop.currentOrShared()
    try await loop.sleep(untilNanoseconds: deadline.nanoseconds)
  }
}

extension Clock where Self == LoopClock {
  /// The clock of the caller's loop: `try await Task.sleep(for: .seconds(1), clock: .loop)`.
  public static var loop: LoopClock { LoopClock() }
}
