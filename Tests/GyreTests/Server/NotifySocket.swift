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
    var result: Int32 = -1
    withAddress { result = bind(socket, $0, $1) }
    try #require(result == 0)
  }

  deinit {
    close(socket)
    unlink(path)
  }

  /// Leaves no room for another message.
  func fill() {
    let sender = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(sender) }
    withAddress { #expect(Glibc.connect(sender, $0, $1) == 0) }
    while send(sender, "x", 1, Int32(MSG_DONTWAIT)) == 1 {}
    #expect(errno == EAGAIN)
  }

  private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Void) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
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
