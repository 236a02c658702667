/// The backend that was asked for cannot be had here.
public struct BackendError: Error, Sendable, CustomStringConvertible {
  /// The backend that was asked for.
  public let backend: Backend
  /// The kernel's answer.
  public let errno: Errno
  /// The buffers for which there was no address space, if that is what failed.
  let unmapped: (count: Int, size: Int)?

  init(backend: Backend, errno: Errno, unmapped: (count: Int, size: Int)? = nil) {
    self.backend = backend
    self.errno = errno
    self.unmapped = unmapped
  }

  /// What the kernel said, the likely cause, and what to do.
  public var description: String { "\(backend) is not available: \(errno). \(advice)" }

  /// The likely cause, and what to do about it.
  package var advice: String {
    guard let unmapped else { return BackendError.advice(errno, of: backend) }
    return
      "There is no address space for a loop’s \(unmapped.count) buffers of \(unmapped.size) bytes: choose fewer or "
      + "smaller ones (bufferCount, bufferSize), or raise \(BackendError.memoryLimit)."
  }

  /// The limit of the process that a mapping may have met.
  private static var memoryLimit: String {
    ResourceLimits.areDataLimited ? "`ulimit -d` (workerMemoryLimit, in a server’s worker)" : "`ulimit -v`"
  }

  private static func advice(_ errno: Errno, of backend: Backend) -> String {
    switch errno {
    case .tooManyOpenFiles: "The limit of open files is reached: raise `ulimit -n`."
    // epoll locks no memory, and nothing stands in for it.
    case .noMemory where backend == .epoll: "The kernel is out of memory."
    case _ where backend == .epoll: "A seccomp filter or a limit of the system forbids it."
    case .notPermitted:
      "A seccomp filter (the default of Docker and containerd) or the sysctl kernel.io_uring_disabled forbids it: "
        + "allow the io_uring system calls in the container's seccomp profile, or use epoll."
    case .noFunction: "The kernel or the sandbox (gVisor) has no io_uring: use epoll."
    case .permissionDenied: "A security module (SELinux) forbids it: allow io_uring in its policy, or use epoll."
    case .noMemory: "The memory that may be locked is used up: raise `ulimit -l`, start fewer loops, or use epoll."
    case Errno(rawValue: 95):
      "This kernel's io_uring lacks multishot receive into provided buffers (Linux 6.0): use epoll."
    default: "Use epoll."
    }
  }
}
