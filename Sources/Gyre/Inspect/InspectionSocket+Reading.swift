import CLiburing
import Glibc

extension InspectionSocket {
  /// What the program behind an inspection socket says: one JSON object.
  ///
  /// Keeps the calling thread until the program's loops have answered, two seconds at most.
  /// - Throws: the errno of `connect(2)`: `ENOENT` where there is no socket, `ECONNREFUSED` where its program has ended,
  ///   `EACCES`; `ETIMEDOUT` if the program does not answer.
  package static func read(from path: String) throws(Errno) -> [UInt8] {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if number < 0 { throw .current }
    defer { Glibc.close(number) }
    var limit = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if try UnixPath(path).with({ Glibc.connect(number, $0, $1) }) != 0 { throw .current }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.recv(number, &part, part.count, 0)
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw errno == EAGAIN ? .timedOut : .current }
      if count == 0 { return bytes }
      bytes += part[..<count]
    }
  }
}
