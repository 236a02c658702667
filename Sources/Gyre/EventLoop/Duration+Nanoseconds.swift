extension Duration {
  /// Whole nanoseconds, rounded up; 0 for a negative duration, and at most some 146 years.
  var nanosecondsClamped: UInt64 {
    // Compared first: a duration may have more seconds than `components` has room for.
    guard self > .zero else { return 0 }
    guard self < .seconds(Int64.max / 2_000_000_000) else { return UInt64(Int64.max / 2) }
    let (seconds, attoseconds) = components
    return UInt64(seconds) * 1_000_000_000 + UInt64((attoseconds + 999_999_999) / 1_000_000_000)
  }
}

extension Clock {
  /// The time until a moment; zero if that has passed, since the way back may be longer than any duration.
  func timeLeft(until instant: Instant) -> Instant.Duration {
    let now = now
    return instant > now ? now.duration(to: instant) : .zero
  }
}
