import CLiburing
import Glibc
import Synchronization

/// The service manager that started this process, if there is one: `systemd(1)` and those that speak its protocol.
enum ServiceManager {
  private static let areSocketsTaken = Atomic<Bool>(false)
  /// Where the passed descriptors begin. `sd_listen_fds(3)`
  private static let firstSocket: Int32 = 3

  /// The variables that are not for worker processes.
  static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"]

  /// The listening sockets that were passed to this process; once. `LISTEN_FDS`, `LISTEN_PID`
  ///
  /// - Throws: `ConfigurationError` if a variable is no number, or if one of the sockets does not listen, or not for TCP.
  static func takeSockets() throws(ConfigurationError) -> [Int32] {
    // Those for another process were passed to an ancestor of this one.
    guard try number("LISTEN_PID") == getpid(), let count = try number("LISTEN_FDS"), count > 0,
      !areSocketsTaken.exchange(true, ordering: .relaxed)
    else { return [] }
    var sockets: [Int32] = []
    while sockets.count < count {
      let socket = firstSocket + Int32(sockets.count)
      // The first that is not there ends it, whatever the count says.
      guard (try? SystemSocket.get(SOL_SOCKET, SO_ACCEPTCONN, of: socket)) == 1 else {
        throw ConfigurationError(
          "LISTEN_FDS is \(count), but descriptor \(socket) does not listen: pass ListenStream= sockets, or unset it"
        )
      }
      guard let domain = try? SystemSocket.get(SOL_SOCKET, SO_DOMAIN, of: socket), [AF_INET, AF_INET6].contains(domain)
      else {
        throw ConfigurationError(
          "LISTEN_FDS is \(count), but descriptor \(socket) is no TCP socket: pass ListenStream= with ports only, or unset it"
        )
      }
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
      sockets.append(socket)
    }
    return sockets
  }

  /// Sends the service manager a message, where it wants to be told. `sd_notify(3)`
  static func notify(_ message: String) {
    guard let path = variable("NOTIFY_SOCKET"), !path.isEmpty else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    // An abstract address is written with an @ and begins with a zero. unix(7)
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { return }
    defer { close(socket) }
    // One that does not read must not stop this process, or one of its loops, for good.
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    // Both live on this frame during the call. Nobody can be told of a failure.
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = sendto(socket, message, message.utf8.count, Int32(MSG_NOSIGNAL), address, length)
      }
    }
  }

  /// A variable's number; `nil` where it is not set, or empty.
  private static func number(_ name: String) throws(ConfigurationError) -> Int32? {
    guard let text = variable(name), !text.isEmpty else { return nil }
    guard let number = Int32(text), number >= 0 else {
      throw ConfigurationError("\(name) is “\(text)”: a service manager sets it to a number; unset it")
    }
    return number
  }

  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
