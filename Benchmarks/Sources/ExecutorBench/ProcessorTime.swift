import Glibc

/// The process's own time. `clock_gettime(2)`
enum ProcessorTime {
  /// Nanoseconds, user and system, of all threads.
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
