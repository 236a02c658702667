import CLiburing
import Glibc

/// The clock of timers and traces. `CLOCK_MONOTONIC`
enum MonotonicClock {
  /// Nanoseconds. Needs no system call.
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
