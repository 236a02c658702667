import CLiburing
import Glibc

/// Wakes a loop that waits in the kernel, from any thread: an `eventfd(2)` that the driver polls edge-triggered.
///
/// Nobody reads it. Each write is an edge of its own, so a wake costs the sleeper no system call. Another loop's ring can
/// do without it and post a completion to this one's.
final class Waker: Sendable {
  let descriptor: Int32
  /// The ring that can be sent a message instead; `nil` where there is none, or the kernel cannot.
  let ring: Int32?

  init(ring: Int32? = nil) throws(Errno) {
    self.ring = ring
    descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    if descriptor < 0 { throw Errno.current }
  }

  deinit { close(descriptor) }

  func wake() {
    // The counter would take centuries of writes to fill up, so this cannot block or fail.
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }
}
