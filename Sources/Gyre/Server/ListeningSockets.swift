import Glibc

/// The listening sockets of a server, before they belong to loops or workers.
enum ListeningSockets {
  /// Those that a service manager passes, or new ones on the server's address.
  static func open(for server: Server) throws -> [Int32] {
    let passed = try ServiceManager.takeSockets()
    if !passed.isEmpty { return passed }
    let (count, reusePort) = server.pattern.listeners
    var options = server.options.listener
    options.reusePort = reusePort || options.reusePort
    var sockets: [Int32] = []
    var address = server.address
    do {
      for _ in 0..<count {
        sockets.append(try TCPListener.listen(on: address, options))
        // With port 0 the kernel has chosen one, which the others share.
        address = try self.address(of: sockets[0])
      }
    } catch {
      close(sockets)
      throw error
    }
    return sockets
  }

  static func address(of socket: Int32) throws -> SocketAddress {
    do {
      return try SystemSocket.localAddress(of: socket)
    } catch {
      throw SocketError(error, .address)
    }
  }

  static func close(_ sockets: [Int32]) {
    for socket in sockets { Glibc.close(socket) }
  }

  /// Another descriptor of a socket.
  static func duplicate(_ socket: Int32) throws -> Int32 {
    let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    if copy < 0 { throw SocketError(.current, .listen) }
    return copy
  }
}
