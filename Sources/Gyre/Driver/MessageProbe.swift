import CLiburing
import Glibc

/// Asks a kernel whether its rings send each other messages, by having a ring send itself one.
enum MessageProbe {
  private static let message: UInt64 = 1
  private static let answer: UInt64 = 2

  /// Called before anything else is submitted. `io_uring_prep_msg_ring(3)`
  ///
  /// - Throws: the `Errno` of `io_uring_enter(2)`.
  static func sendsMessages(_ ring: Ring) throws(Errno) -> Bool {
    let entry = ring.nextSubmission()!
    io_uring_prep_msg_ring(entry, ring.raw.pointee.ring_fd, 0, message, 0)
    entry.pointee.user_data = answer
    var hasArrived = false
    var result: Int32?
    // The message and the answer to sending it come in either order; a refusal brings the answer alone.
    while result == nil || (result! >= 0 && !hasArrived) {
      let entered = ring.enter(waitingFor: 1)
      if entered < 0 && entered != -EINTR { throw Errno(rawValue: -entered) }
      _ = ring.reap(limit: 2) { userData, answered, _ in
        if userData == message { hasArrived = true } else { result = answered }
      }
    }
    return result! >= 0
  }
}
