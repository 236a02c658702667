import CLiburing
import Glibc
import Testing

/// A listener with a limit of five, and a connection over which the client has sent bytes that nobody has read.
struct TCPPair {
  let listener: Int32
  let client: Int32
  let server: Int32

  init(sending count: Int) throws {
    listener = try TCPPair.listening()
    client = try TCPPair.connected(to: listener)
    server = accept(listener, nil, nil)
    try #require(server >= 0)
    try #require(write(client, [UInt8](repeating: 0x3f, count: count), count) == count)
    // Over loopback the bytes are there once they are sent; waiting costs nothing and needs no such promise.
    var readable = pollfd(fd: server, events: Int16(POLLIN), revents: 0)
    try #require(poll(&readable, 1, Patience.pollTimeout(seconds: 2)) == 1)
  }

  func connectAgain() throws -> Int32 { try TCPPair.connected(to: listener) }

  func close() { [listener, client, server].forEach { _ = Glibc.close($0) } }

  /// The length that the kernel wrote.
  func info(of socket: Int32, into info: inout gyre_tcp_info) -> Int {
    var length = socklen_t(MemoryLayout<gyre_tcp_info>.size)
    #expect(getsockopt(socket, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0)
    return Int(length)
  }

  private static func listening() throws -> Int32 {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    try #require(with(&address) { bind(listener, $0, $1) } == 0)
    try #require(listen(listener, 5) == 0)
    return listener
  }

  private static func connected(to listener: Int32) throws -> Int32 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try #require(with(&address) { pointer, _ in getsockname(listener, .init(mutating: pointer), &length) } == 0)
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(with(&address) { connect(client, $0, $1) } == 0)
    return client
  }

  private static func with<R>(_ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // Valid until `body` returns, and made to be seen as any family's `sockaddr`.
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
