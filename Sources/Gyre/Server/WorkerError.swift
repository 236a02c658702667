/// A server could not run its program again as a worker.
public struct WorkerError: Error, Sendable, CustomStringConvertible {
  /// The kernel's answer. `posix_spawn(3)`, `pidfd_open(2)`
  public let errno: Errno

  /// What failed, with which program file, and what to look at.
  public var description: String {
    "no worker process can be started from \(ChildProcess.path): \(errno); look at the limits of processes (`ulimit -u`), memory "
      + "and open files, whether the program’s file is still there, and whether a seccomp profile denies pidfd_open(2)"
  }
}
