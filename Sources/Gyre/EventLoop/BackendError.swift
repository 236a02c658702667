/// The backend that was asked for cannot be had here.
public struct BackendError: Error, Sendable, CustomStringConvertible {
  /// The backend that was asked for.
  public let backend: Backend
  /// The kernel's answer.
  public let errno: Errno

  /// What the kernel said, the likely cause, and what to do.
  public var description: String {
    "\(backend) is not available: \(errno). \(BackendError.advice(errno))"
  }

  /// The likely cause of an errno of `io_uring_setup(2)`, and what to do about it.
  static func advice(_ errno: Errno) -> String {
    switch errno {
    case .notPermitted:
      "A seccomp filter (the default of Docker and containerd) or the sysctl kernel.io_uring_disabled forbids it: "
        + "allow the io_uring system calls in the container's seccomp profile, or use epoll."
    case .noFunction: "The kernel or the sandbox (gVisor) has no io_uring: use epoll."
    case .permissionDenied: "A security module (SELinux) forbids it: allow io_uring in its policy, or use epoll."
    case .noMemory: "The memory that may be locked is used up: raise `ulimit -l`, start fewer loops, or use epoll."
    case .tooManyOpenFiles: "The limit of open files is reached: raise `ulimit -n`."
    case Errno(rawValue: 95):
      "This kernel's io_uring lacks multishot receive into provided buffers (Linux 6.0): use epoll."
    default: "Use epoll."
    }
  }
}
