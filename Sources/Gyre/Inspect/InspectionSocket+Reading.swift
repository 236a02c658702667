import CLiburing
import Glibc

extension InspectionSocket {
  /// More than any program says: some 500 bytes for each of a thousand loops. In bytes.
  private static let longestAnswer = 1 << 20
  /// Seconds that the whole answer may take.
  private static let patience = 2

  /// What the program behind an inspection socket says: one JSON object.
  ///
  /// Keeps the calling thread until the program's loops have answered, two seconds at most.
  /// - Throws: the errno of `connect(2)`: `ENOENT` where there is no socket, `ECONNREFUSED` where its program has ended,
  ///   `EACCES`; `ETIMEDOUT` if the program does not answer, or not to the end; `EMSGSIZE` for an answer of more than 1 MiB,
  ///   which is no program of Gyre's.
  package static func read(from path: String) throws(Errno) -> [UInt8] {
    let end = EventLoop.now + UInt64(patience) * 1_000_000_000
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if number < 0 { throw .current }
    defer { Glibc.close(number) }
    // Where nobody accepts, connecting waits as sending does. unix(7)
    limitWaiting(number, SO_SNDTIMEO, nanoseconds: UInt64(patience) * 1_000_000_000)
    if try UnixPath(path).with({ Glibc.connect(number, $0, $1) }) != 0 {
      throw errno == EAGAIN ? .timedOut : .current
    }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while bytes.count <= longestAnswer {
      let now = EventLoop.now
      if now >= end { throw .timedOut }
      limitWaiting(number, SO_RCVTIMEO, nanoseconds: end - now)
      let count = Glibc.recv(number, &part, part.count, 0)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw errno == EAGAIN ? .timedOut : .current }
      if count == 0 { return bytes }
      bytes += part[..<count]
    }
    throw Errno(rawValue: EMSGSIZE)
  }

  /// Has a call that waits end with `EAGAIN` after so many nanoseconds. `socket(7)`
  static func limitWaiting(_ number: Int32, _ option: Int32, nanoseconds: UInt64) {
    // 0 would be no limit.
    let microseconds = max(Int(nanoseconds / 1000), 1)
    var limit = timeval(tv_sec: microseconds / 1_000_000, tv_usec: microseconds % 1_000_000)
    setsockopt(number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
  }
}
