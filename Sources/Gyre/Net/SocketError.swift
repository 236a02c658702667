/// A system call on a socket failed.
public struct SocketError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What the socket was asked to do.
  public enum Operation: String, Sendable {
    /// `socket(2)`
    case create
    /// `bind(2)`
    case bind
    /// `listen(2)`
    case listen
    /// `accept4(2)`
    case accept
    /// `connect(2)`
    case connect
    /// `recv(2)`
    case receive
    /// `send(2)`, `sendmsg(2)`
    case send
    /// `shutdown(2)`
    case shutdown
    /// `getsockopt(2)`, `setsockopt(2)`
    case option
    /// `getsockname(2)`, `getpeername(2)`
    case address
    /// `TCPConnection.move(to:)`
    case move
  }

  /// The kernel's answer. `EBADF` if this program has closed the socket, `ESHUTDOWN` if its loop has stopped, `EBUSY` if
  /// another task is waiting in the same operation.
  public let errno: Errno
  /// What failed.
  public let operation: Operation
  /// The address concerned: the listener's own, or the peer's; `nil` where it is not known.
  public let address: SocketAddress?

  init(_ errno: Errno, _ operation: Operation, _ address: SocketAddress? = nil) {
    self.errno = errno
    self.operation = operation
    self.address = address
  }

  /// For example `connect to 127.0.0.1:9: ECONNREFUSED (Connection refused)`.
  public var description: String {
    let place = address.map { " \(operation == .connect ? "to " : "")\($0)" } ?? ""
    return "\(operation.rawValue)\(place): \(errno)\(SocketError.hint(errno, operation))"
  }

  private static func hint(_ errno: Errno, _ operation: Operation) -> String {
    switch (errno, operation) {
    case (.addressInUse, .bind), (.addressInUse, .listen):
      "; another socket listens there: choose another port, or port 0 for a free one"
    case (.badFileDescriptor, _): "; this program has closed it"
    case (.shutDown, _): "; its event loop has stopped"
    case (.busy, .receive): "; another task is receiving on it"
    case (.busy, .move): "; a task waits in one of its operations"
    default: ""
    }
  }
}
