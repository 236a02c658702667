/// Looks for work for a short while before the loop sleeps, and gives up looking where none comes.
///
/// Sleeping costs the kernel a switch to the idle task and back, and the next request waits for that. Looking costs the
/// processor. So each fruitless look doubles the number of sleeps until the next one, and a fruitful one forgets them.
struct Spinner {
  /// Waits in which work came while the loop looked.
  private(set) var hits: UInt64 = 0
  /// The longest look, in nanoseconds.
  let limit: UInt64

  private var misses = 0
  private var sleepsLeft = 0
  private static let mostMisses = 6

  init(limit: UInt64) { self.limit = limit }

  /// Whether to look before this sleep.
  mutating func isWorthIt() -> Bool {
    guard sleepsLeft > 0 else { return true }
    sleepsLeft -= 1
    return false
  }

  mutating func note(hit: Bool) {
    guard !hit else {
      hits &+= 1
      misses = 0
      return
    }
    misses = min(misses + 1, Spinner.mostMisses)
    sleepsLeft = 1 << misses
  }
}
