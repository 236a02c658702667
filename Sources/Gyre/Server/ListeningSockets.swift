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
  private let addresses: Set<SocketAddress>
  private let areClosed = Atomic<Bool>(false)

  init(_ numbers: [Int32], areLent: Bool) {
    self.numbers = numbers
    self.areLent = areLent
    addresses = Set(numbers.compactMap { try? ListeningSockets.address(of: $0) })
  }

  // MARK: Handshakes

  // A client whose handshake has begun when a server closes its queues is connected as far as it knows, one round trip later.
  // If its socket were closed by then, it would be reset. So the server waits for the handshakes, but no longer than until the
  // clients that the closed queues keep away try again, which they do after a second: these are to be refused then.

  /// Nanoseconds between two looks at the handshakes.
  static let settleTime: UInt64 = 2_000_000
  private static let mostSettleTime: UInt64 = 900_000_000
  /// Nanoseconds to wait where the kernel does not say what handshakes there are.
  private static let blindSettleTime: UInt64 = 100_000_000

  /// Returns when the handshakes that are under way have ended.
  func settle(on loop: EventLoop) async throws {
    let start = EventLoop.now
    repeat {
      try await loop.sleep(for: .nanoseconds(Int64(ListeningSockets.settleTime)))
    } while hasHandshakes(since: start)
  }

  /// Whether there are handshakes to be waited for, in queues that were closed at `start`.
  func hasHandshakes(since start: UInt64) -> Bool {
    let time = EventLoop.now - start
    if areLent || time > ListeningSockets.mostSettleTime { return false }
    return addresses.contains { address in
      guard let count = try? SocketDiagnostics.synQueueLength(of: address) else {
        return time < ListeningSockets.blindSettleTime
      }
      return count > 0
    }
  }

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
