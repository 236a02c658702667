import Glibc
import Gyre

/// What a command says to whoever started it.
enum Output {
  /// Prints lines and hands them over at once, so that a program which reads them through a pipe sees them now.
  ///
  /// - Throws: `OutputError` if they cannot be written, on a full disk for example: a command without its result has failed.
  static func say(_ lines: String...) throws(OutputError) { try write(lines.map { $0 + "\n" }.joined()) }

  /// The same without a line's end.
  static func write(_ text: String) throws(OutputError) {
    if let errno = write(text, to: STDOUT_FILENO) { throw OutputError(errno: errno) }
  }

  /// Prints a line for people beside the output proper. `stderr(3)`
  static func note(_ line: String) {
    // A note that cannot be written is lost: there is nowhere to say so.
    _ = write(line + "\n", to: STDERR_FILENO)
  }

  /// Writes all of a text, and waits as long as that takes. `write(2)`
  /// - Returns: why that failed; `nil` if it did not.
  static func write(_ text: String, to descriptor: Int32) -> Errno? {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      // The array holds the bytes during the call.
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // Whoever shares the descriptor has made it non-blocking.
        var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&writable, 1, -1)
      } else if errno != EINTR {
        return Errno(rawValue: errno)
      }
    }
    return nil
  }
}
