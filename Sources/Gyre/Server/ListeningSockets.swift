import CLiburing
import Glibc
import Synchronization

/// The listening sockets of a server, before they belong to loops or workers. They are closed with this object at the
/// latest.
final class ListeningSockets: Sendable {
  let numbers: [Int32]
  /// Whether somebody else listens on them when this process does not any more: the service manager that passed them, or the
  /// supervisor.
  let areLent: Bool
  private let areClosed = Atomic<Bool>(false)

  init(_ numbers: [Int32], areLent: Bool) {
    self.numbers = numbers
    self.areLent = areLent
  }

  /// What a handshake that has begun takes to get into the queue, if its client is near.
  static let settleTime = Duration.milliseconds(1)

  /// Keeps the calling thread for that long.
  static func settle() { usleep(UInt32(settleTime / .microseconds(1))) }

  deinit { close() }

  /// Those that a service manager passes, or new ones on the server's address.
  static func open(for server: Server) throws -> ListeningSockets {
    let passed = try ServiceManager.takeSockets()
    if !passed.isEmpty { return ListeningSockets(passed, areLent: true) }
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
      for socket in sockets { Glibc.close(socket) }
      throw error
    }
    return ListeningSockets(sockets, areLent: false)
  }

  /// The address that all of them listen on.
  func address() throws -> SocketAddress { try ListeningSockets.address(of: numbers[0]) }

  static func address(of socket: Int32) throws -> SocketAddress {
    do {
      return try SystemSocket.localAddress(of: socket)
    } catch {
      throw SocketError(error, .address)
    }
  }

  /// Stops listening in this process; what was made of duplicates accepts what waits in the queues, and closes itself. Doing
  /// it twice is fine.
  ///
  /// Unless the sockets are lent, the kernel lets no new connection into their queues from here on. A client that comes
  /// between this and the sockets' end hears nothing, tries again after a second, and is refused then: without this it
  /// would get into a queue that nobody looks at any more, and be reset. Where a filter cannot be had, that is what happens.
  func stopListening() {
    guard isOpen else { return }
    closeQueues()
    close()
  }

  var isOpen: Bool { !areClosed.load(ordering: .relaxed) }

  /// Lets no new connection into the queues, unless the sockets are lent.
  func closeQueues() {
    // All of them before the first one closes: with SO_REUSEPORT the others get its new clients.
    if !areLent { for number in numbers { _ = gyre_drop_new_connections(number) } }
  }

  /// Closes the sockets. Doing it twice is fine.
  func close() {
    if areClosed.exchange(true, ordering: .relaxed) { return }
    for number in numbers { Glibc.close(number) }
  }

  /// Whether a connection waits in a socket's queue. `poll(2)`
  static func hasWaiting(_ socket: Int32) -> Bool {
    var polled = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return Errno.retrying({ Int(poll(&polled, 1, 0)) }) == 1
  }

  /// Another descriptor of a socket.
  static func duplicate(_ socket: Int32) throws -> Int32 {
    let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    if copy < 0 { throw SocketError(.current, .listen) }
    return copy
  }
}
