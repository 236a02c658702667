import Glibc

/// Which process and thread of the host some code runs on.
struct ThreadIdentity: Codable, Hashable, Sendable {
  let pid: Int32
  let tid: Int32

  /// The calling thread. `gettid(2)`, which Swift does not have, by the link `/proc/thread-self`: `PID/task/TID`
  static var current: ThreadIdentity {
    var link = [CChar](repeating: 0, count: 64)
    let count = readlink("/proc/thread-self", &link, link.count)
    let text = String(decoding: link.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return ThreadIdentity(pid: getpid(), tid: text.split(separator: "/").last.flatMap { Int32($0) } ?? getpid())
  }
}
