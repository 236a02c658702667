import CLiburing
import Glibc

/// The process that started this one.
package enum ParentProcess {
  /// Has the kernel send this process SIGTERM when the thread that started it ends. `PR_SET_PDEATHSIG`, `prctl(2)`
  package static func endWithIt() { _ = gyre_end_with_parent(SIGTERM) }
}
