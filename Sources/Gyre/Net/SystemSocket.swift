import CLiburing
import Glibc

/// The system calls on sockets that never block and so need no ring.
enum SystemSocket {
  static func make(for address: SocketAddress, flags: Int32) throws(SocketError) -> Int32 {
    let family = address.isIPv6 ? AF_INET6 : AF_INET
    let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) | flags, 0)
    if socket < 0 { throw SocketError(.current, .create, address) }
    return socket
  }

  static func set(_ options: TCPOptions, on socket: Int32) throws(Errno) {
    if options.noDelay { try set(Int32(IPPROTO_TCP), TCP_NODELAY, 1, on: socket) }
    if options.keepAlive { try set(SOL_SOCKET, SO_KEEPALIVE, 1, on: socket) }
    if let size = options.receiveBufferSize { try set(SOL_SOCKET, SO_RCVBUF, Int32(size), on: socket) }
    if let size = options.sendBufferSize { try set(SOL_SOCKET, SO_SNDBUF, Int32(size), on: socket) }
  }

  static func set(_ level: Int32, _ name: Int32, _ value: Int32, on socket: Int32) throws(Errno) {
    var value = value
    if setsockopt(socket, level, name, &value, 4) != 0 { throw .current }
  }

  static func get(_ level: Int32, _ name: Int32, of socket: Int32) throws(Errno) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(4)
    if getsockopt(socket, level, name, &value, &length) != 0 { throw .current }
    return value
  }

  /// Makes calls on a socket of somebody else's making block or not, as a driver needs it: a ring waits for a blocking
  /// socket by itself and fails with `EAGAIN` on any other. `fcntl(2)`
  static func setFlags(_ flags: Int32, on socket: Int32) {
    let status = fcntl(socket, F_GETFL)
    let isNonblocking = flags & Int32(SOCK_NONBLOCK.rawValue) != 0
    _ = fcntl(socket, F_SETFL, isNonblocking ? status | O_NONBLOCK : status & ~O_NONBLOCK)
  }

  /// Bytes in one of a connection's queues. `tcp(7)`
  ///
  /// - Parameter queue: `GYRE_SIOCINQ` for the receive queue, `GYRE_SIOCOUTQ` for the send queue.
  static func queueLength(_ queue: UInt, of socket: Int32) throws(Errno) -> Int {
    var count: Int32 = 0
    if ioctl(socket, queue, &count) != 0 { throw .current }
    return Int(count)
  }

  static func bind(_ socket: Int32, to address: SocketAddress) throws(Errno) {
    let result = address.withSockaddr { Glibc.bind(socket, $0, $1) }
    if result != 0 { throw .current }
  }

  /// The socket's own address. `getsockname(2)`
  static func localAddress(of socket: Int32) throws(Errno) -> SocketAddress {
    try address { getsockname(socket, $0, $1) }
  }

  /// The peer's address. `getpeername(2)`
  static func remoteAddress(of socket: Int32) throws(Errno) -> SocketAddress {
    try address { getpeername(socket, $0, $1) }
  }

  private static func address(
    _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) throws(Errno) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // The storage is large enough for every family and lives on this frame during the call.
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
    }
    if result != 0 { throw .current }
    guard let address = SocketAddress(storage, length: length) else { throw Errno(rawValue: EAFNOSUPPORT) }
    return address
  }
}
