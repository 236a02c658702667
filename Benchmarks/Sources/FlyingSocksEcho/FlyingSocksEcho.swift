// FlyingSocks, the sockets under FlyingFox, used as FlyingFox's own server uses them: one pool on epoll, a child task a
// connection.

import EchoOptions
import FlyingSocks
import Foundation
import Glibc

@main
enum FlyingSocksEcho {
  /// As many events a turn as its peers take; the default is 20.
  private static let eventsPerTurn = 256

  static func main() async throws {
    let options = EchoOptions()
    signal(SIGPIPE, SIG_IGN)
    let pool: some AsyncSocketPool = .ePoll(maxEvents: eventsPerTurn)
    try await pool.prepare()
    let listener = try AsyncSocket(socket: listen(on: UInt16(options.port)), pool: pool)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await pool.run() }
      group.addTask { try await serve(listener, isSink: options.isSink) }
      try await group.next()
    }
  }

  private static func listen(on port: UInt16) throws -> Socket {
    let address = sockaddr_in.loopback4(port: port)
    let socket = try Socket(domain: AF_INET)
    try socket.setValue(true, for: .localAddressReuse)
    // Accepted sockets inherit it.
    var on: Int32 = 1
    setsockopt(socket.file.rawValue, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    try socket.bind(to: address)
    try socket.listen(maxPendingConnection: 4096)
    if case .ip4(_, let port) = try socket.sockname() { announce(port: Int(port)) }
    return socket
  }

  private static func serve(_ listener: AsyncSocket, isSink: Bool) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      for try await connection in listener.sockets {
        group.addTask {
          // A connection that ends or fails throws, which ends it alone.
          try? await isSink ? discard(connection) : echo(connection)
          try? connection.close()
        }
      }
    }
  }

  private static func echo(_ connection: AsyncSocket) async throws {
    while true { try await connection.write(Data(connection.read(atMost: 8192))) }
  }

  private static func discard(_ connection: AsyncSocket) async throws {
    while true { _ = try await connection.read(atMost: 8192) }
  }
}

extension sockaddr_in {
  fileprivate static func loopback4(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return address
  }
}
