import CLiburing
import Glibc

/// A path as the address of a Unix socket. `unix(7)`
struct UnixPath {
  private var form = sockaddr_un()

  /// - Throws: `EINVAL` for an empty path or one with a NUL, `ENAMETOOLONG` for one of more than 107 bytes.
  init(_ path: String) throws(Errno) {
    if path.isEmpty || path.utf8.contains(0) { throw .invalidArgument }
    form.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: form.sun_path)
    // One byte stays for the NUL at the end.
    if path.utf8.count >= room { throw Errno(rawValue: ENAMETOOLONG) }
    withUnsafeMutableBytes(of: &form.sun_path) { $0.copyBytes(from: path.utf8) }
  }

  /// Calls `body` with the kernel's form of the address, valid until `body` returns, and its length in bytes.
  func with<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    // This value's own memory, seen as any family's `sockaddr` while `body` runs.
    withUnsafePointer(to: form) { form in
      form.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}
