import Glibc
import Logging

/// What a driver does about a wait for the kernel that failed: it says so once and takes a short sleep instead, so that a
/// failure which lasts (somebody closed the driver's descriptor, a seccomp filter came late) does not make the loop spin.
/// Timers, jobs and what has completed go on meanwhile.
struct FailedWaits {
  private var hasSaid = false

  /// Microseconds.
  private static let pause: UInt64 = 1000

  /// Says what failed, the first time.
  mutating func say(_ call: String, _ error: Int32) {
    guard !hasSaid else { return }
    hasSaid = true
    Logger(label: "gyre.loop").error(
      """
      \(call) fails: \(Errno(rawValue: error)). The loop looks for its work every millisecond instead of waiting for it. \
      Somebody has closed a descriptor that is not theirs, or a seccomp filter was installed after the loop began.
      """
    )
  }

  /// Sleeps for a moment, and no longer than the wait was to take; not at all if it was none.
  static func pause(insteadOf nanoseconds: UInt64?) {
    usleep(UInt32(min(pause, (nanoseconds ?? .max) / 1000)))
  }
}
