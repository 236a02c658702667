/// The times that accepting failed for want of descriptors or memory. While a shortage lasts, one attempt fails after the other.
struct Shortages {
  private(set) var attempts: UInt64 = 0
  /// Shortages, however long each.
  private(set) var count: UInt64 = 0
  private var last: UInt64?

  /// Nanoseconds after which the next failure belongs to another shortage: many times as long as it takes until accepting is tried
  /// again. A connection that is accepted meanwhile ends none: somebody else's was closed, and the next one waits again.
  static let quietTime: UInt64 = 10_000_000_000

  /// Counts a failure.
  ///
  /// - Returns: whether a shortage begins with it.
  mutating func note(at now: UInt64) -> Bool {
    let begins = last.map { now - $0 >= Shortages.quietTime } ?? true
    last = now
    attempts += 1
    if begins { count += 1 }
    return begins
  }
}
