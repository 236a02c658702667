import CLiburing
import Glibc

/// The process that started this one.
package enum ParentProcess {
  /// Has SIGTERM sent to this process when its parent has ended, and the process killed after some more time, whatever it does
  /// then.
  ///
  /// A thread of this process waits for it. `PR_SET_PDEATHSIG` is no choice: it comes when the *thread* ends that started the process.
  ///
  /// - Parameters:
  ///   - parent: the process's number.
  ///   - time: how long this process may go on without its parent.
  /// - Returns: whether it was the parent, and lived.
  /// - Throws: the `Errno` of `pidfd_open(2)`, `pipe(2)` or `pthread_create(3)`.
  package static func endWithIt(_ parent: Int32 = getppid(), within time: Duration) throws -> Bool {
    let descriptor = gyre_pidfd_open(parent)
    // As long as it is the parent its number is nobody else's; so the descriptor was its own if it still is.
    guard getppid() == parent else {
      if descriptor >= 0 { close(descriptor) }
      return false
    }
    guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
    try SignalEvents.endWith(parent: descriptor, within: time.nanosecondsClamped)
    return true
  }
}
