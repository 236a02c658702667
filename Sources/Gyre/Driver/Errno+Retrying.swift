import Glibc

extension Errno {
  /// Repeats a call while a signal interrupts it.
  ///
  /// - Returns: its result, or -errno.
  @inline(__always)
  static func retrying(_ call: () -> Int) -> Int32 {
    while true {
      let result = call()
      if result >= 0 { return Int32(clamping: result) }
      if errno != EINTR { return -errno }
    }
  }
}
