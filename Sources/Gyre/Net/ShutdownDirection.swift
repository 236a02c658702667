import CLiburing
import Glibc

/// Which direction of a connection to end. `shutdown(2)`
public enum ShutdownDirection: Sendable {
  /// Nothing more is received; the peer is not told.
  case receive
  /// Nothing more is sent: the peer reads the end of the stream.
  case send
  /// Both.
  case both

  var number: Int32 {
    switch self {
    case .receive: Int32(SHUT_RD)
    case .send: Int32(SHUT_WR)
    case .both: Int32(SHUT_RDWR)
    }
  }
}
