import CLiburing
import Glibc

/// What other threads and signals ask of a supervisor.
final class SupervisorRequests: Sendable {
  enum Request {
    /// Replace the workers: SIGHUP.
    case reload
    /// Drain: `Server.drain()`, SIGTERM and SIGINT.
    case drain
    /// End the workers at once: cancellation, and a second signal. Only signals are counted: a program that also drains its server
    /// itself asks for nothing else.
    case end
  }

  /// Readable when something was asked.
  let reader: Int32
  private let writer: Int32
  private let press = RepeatedSignal()
  /// `drain` in the pipe, beside the numbers of signals.
  private static let drain: UInt8 = 0

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

  /// SIGTERM, SIGINT or SIGHUP has come. From any thread.
  func add(signal: Int32) { add(UInt8(signal)) }

  /// From any thread.
  func drain() { add(SupervisorRequests.drain) }

  /// From any thread.
  func end() { add(UInt8(SIGKILL)) }

  /// A pipe that is full holds more requests than matter.
  private func add(_ byte: UInt8) {
    var byte = byte
    _ = write(writer, &byte, 1)
  }

  /// The next request; `nil` if there is none now.
  func next() -> Request? {
    while true {
      var byte: UInt8 = 0
      guard read(reader, &byte, 1) == 1 else { return nil }
      switch Int32(byte) {
      case Int32(SupervisorRequests.drain): return .drain
      case SIGKILL: return .end
      case SIGHUP: return .reload
      case _ where press.isFirst(): return .drain
      default: if press.isMeant() { return .end }
      }
    }
  }
}
