import CLiburing
import Glibc

@testable import Gyre

extension Socket {
  static var socket: Int32 { SOL_SOCKET }
  static var tcp: Int32 { Int32(IPPROTO_TCP) }
  static var noDelay: Int32 { TCP_NODELAY }
  static var keepAlive: Int32 { SO_KEEPALIVE }
  static var receiveBuffer: Int32 { SO_RCVBUF }
}
