import Glibc
import Testing

/// A service manager's end of `sd_notify(3)`.
final class NotifySocket: Sendable {
  let path: String
  private let socket: Int32

  init() throws {
    path = "/tmp/gyre-notify-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    unlink(path)
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
  }

  deinit {
    close(socket)
    unlink(path)
  }

  /// The next message; the wait is bounded.
  func next() throws -> String {
    var readable = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    try #require(poll(&readable, 1, Patience.pollTimeout(seconds: 20)) == 1, "nothing is said")
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = recv(socket, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }
}
