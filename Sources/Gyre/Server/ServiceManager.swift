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
  /// - Throws: `ConfigurationError` if one of them does not listen.
  static func takeSockets() throws(ConfigurationError) -> [Int32] {
    guard let process = variable("LISTEN_PID").flatMap(Int32.init), process == getpid(),
      let count = variable("LISTEN_FDS").flatMap(Int32.init), count > 0,
      !areSocketsTaken.exchange(true, ordering: .relaxed)
    else { return [] }
    let sockets = Array(firstSocket..<firstSocket + count)
    for socket in sockets {
      guard (try? SystemSocket.get(SOL_SOCKET, SO_ACCEPTCONN, of: socket)) == 1 else {
        throw ConfigurationError("LISTEN_FDS: descriptor \(socket) does not listen: pass ListenStream= sockets")
      }
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
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
    // Both live on this frame during the call. Nobody can be told of a failure.
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = sendto(socket, message, message.utf8.count, Int32(MSG_NOSIGNAL), address, length)
      }
    }
  }

  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
