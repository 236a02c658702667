import CLiburing
import Glibc

/// What other threads and signals ask of a supervisor, as signal numbers: SIGTERM and SIGINT drain, SIGHUP replaces the
/// workers, SIGKILL ends them at once.
final class SupervisorRequests: Sendable {
  /// Readable when something was asked.
  let reader: Int32
  private let writer: Int32

  init() throws(Errno) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Errno.current }
    (reader, writer) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  deinit {
    close(reader)
    close(writer)
  }

  /// From any thread. A pipe that is full holds more requests than matter.
  func add(_ signal: Int32) {
    var byte = UInt8(signal)
    _ = write(writer, &byte, 1)
  }

  func next() -> Int32? {
    var byte: UInt8 = 0
    return read(reader, &byte, 1) == 1 ? Int32(byte) : nil
  }
}
