import Glibc

/// The time of day. Keys end by it and not by the time since the start: an image is loaded by another process, later.
enum WallClock {
  /// Milliseconds since 1970. `CLOCK_REALTIME`
  static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
