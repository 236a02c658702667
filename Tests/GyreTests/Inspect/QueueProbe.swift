import CLiburing
import Glibc
import Testing

@testable import Gyre

/// A listener that accepts nothing by itself, and clients of it, all by plain system calls that do not wait.
final class QueueProbe {
  let address: SocketAddress
  private let listener: Int32
  private var others: [Int32] = []

  /// - Parameters:
  ///   - deferring: leave connections half open until their client has sent something. `TCP_DEFER_ACCEPT`
  ///   - other: a listener that has the port too.
  init(
    on host: SocketAddress = .loopback(port: 0),
    backlog: Int32,
    deferring: Bool = false,
    sharing other: QueueProbe? = nil
  ) throws {
    listener = try SystemSocket.make(for: host, flags: 0)
    for socket in [listener, other?.listener].compactMap(\.self) {
      try SystemSocket.set(SOL_SOCKET, SO_REUSEPORT, 1, on: socket)
    }
    if deferring { try SystemSocket.set(Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, 30, on: listener) }
    try SystemSocket.bind(listener, to: host)
    try #require(listen(listener, backlog) == 0)
    address = try SystemSocket.localAddress(of: listener)
  }

  deinit { for socket in [listener] + others { close(socket) } }

  /// A client whose handshake is done as far as it is concerned.
  func connect() throws -> Int32 {
    let client = try SystemSocket.make(for: address, flags: 0)
    others.append(client)
    try #require(address.withSockaddr { Glibc.connect(client, $0, $1) } == 0)
    return client
  }

  /// A client that does not wait for the handshake.
  func beginConnecting() throws {
    let client = try SystemSocket.make(for: address, flags: Int32(SOCK_NONBLOCK.rawValue))
    others.append(client)
    #expect(address.withSockaddr { Glibc.connect(client, $0, $1) } == -1 && errno == EINPROGRESS)
  }

  func accept() throws -> Int32 {
    let server = Glibc.accept(listener, nil, nil)
    try #require(server >= 0)
    others.append(server)
    return server
  }

  /// Length and limit of the accept queue, as the listener itself is told. `TCP_INFO`
  var acceptQueue: (length: Int, limit: Int) {
    var info = gyre_tcp_info()
    var length = socklen_t(MemoryLayout<gyre_tcp_info>.size)
    #expect(getsockopt(listener, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0)
    return (Int(info.tcpi_unacked), Int(info.tcpi_sacked))
  }
}
