import CLiburing
import Glibc

/// A file of `/proc`. Reading one never waits for a device, so any thread may. `proc(5)`
enum ProcFile {
  static func bytes(of path: String) throws(Errno) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { throw .current }
    defer { close(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = read(file, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .current }
      if count == 0 { return bytes }
      bytes += part[..<count]
    }
  }
}
