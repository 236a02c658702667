/// The kernel gave no thread. `pthread_create(3)`
public struct ThreadError: Error, Sendable, CustomStringConvertible {
  /// The kernel's answer: `EAGAIN` where a limit is reached.
  public let errno: Errno

  /// What happened and what to do.
  public var description: String {
    "no thread for an event loop: \(errno). Raise `ulimit -u` or the container's limit of processes, or start fewer loops."
  }
}
