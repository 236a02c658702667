extension Duration {
  /// Whole nanoseconds, rounded up; 0 for a negative duration, and at most some 146 years.
  var nanosecondsClamped: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < Int64.max / 2_000_000_000 else { return UInt64(Int64.max / 2) }
    return UInt64(seconds) * 1_000_000_000 + UInt64((attoseconds + 999_999_999) / 1_000_000_000)
  }
}
