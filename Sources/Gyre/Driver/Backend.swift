/// How a loop does its I/O.
public enum Backend: String, Sendable, CaseIterable, Codable, CustomStringConvertible {
  /// Operations go to the kernel's queues and come back completed. `io_uring(7)`
  case uring
  /// The loop waits for readiness and makes the calls itself. `epoll(7)`
  case epoll

  /// The name as users know it.
  public var description: String {
    switch self {
    case .uring: "io_uring"
    case .epoll: "epoll"
    }
  }
}
