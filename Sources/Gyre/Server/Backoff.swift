/// How long to wait before a worker is started again: not at all the first time, then longer each time it fails soon.
struct Backoff {
  private var failures = 0

  /// The first wait that is one.
  static let shortest: UInt64 = 50_000_000
  private static let longest: UInt64 = 5_000_000_000
  /// A worker that has lived this long has not failed at its start.
  private static let longLife: UInt64 = 10_000_000_000

  /// Nanoseconds to wait after a life of so many.
  mutating func delay(afterLifeOf life: UInt64) -> UInt64 {
    if life >= Backoff.longLife { failures = 0 }
    defer { failures += 1 }
    return failures == 0 ? 0 : min(Backoff.shortest << min(failures - 1, 10), Backoff.longest)
  }
}
