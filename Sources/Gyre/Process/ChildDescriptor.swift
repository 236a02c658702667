import CLiburing
import Glibc

/// A descriptor that names a child process. It is readable when the process has ended, and it never names another process that
/// has got the same number since. `pidfd_open(2)`
struct ChildDescriptor: Sendable {
  let number: Int32

  /// To call before a child is started. Where whoever started this program ignores SIGCHLD, the kernel would forget a child's
  /// status at its end; and a later child could get its number. `sigaction(2)`
  ///
  /// It is not put back: the children need it as long as they live, and the default disposition does nothing to a program.
  static func keepEndedChildren() { _ = gyre_keep_ended_children() }

  /// Opens a child's descriptor; it is the caller's to close.
  ///
  /// - Throws: the `Errno` of `pidfd_open(2)`; the child has been ended then, since nobody would hear of it again. `ESRCH`: it
  ///   had ended already, and other code of this program has reaped it.
  init(of process: pid_t) throws(Errno) {
    number = gyre_pidfd_open(process)
    guard number < 0 else { return }
    let error = Errno(rawValue: -number)
    if error.rawValue != ESRCH {
      kill(process, SIGKILL)
      _ = Errno.retrying { Int(waitpid(process, nil, 0)) }
    }
    throw error
  }

  /// Sends the process a signal, unless it has ended.
  func signal(_ signal: Int32) { _ = gyre_pidfd_signal(number, signal) }

  /// Reaps the process: its status as `waitpid(2)` gives it, or -errno; `nil` while it runs. `ECHILD`: somebody else has reaped it.
  func reap() -> Int32? {
    var status: Int32 = 0
    let result = gyre_reap(number, &status)
    if result == 0 { return nil }
    return result > 0 ? status : result
  }

  func close() { Glibc.close(number) }
}
