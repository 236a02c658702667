import Glibc

/// What a command says to whoever started it.
enum Output {
  /// Prints lines and hands them over at once, so that a program which reads them through a pipe sees them now.
  static func say(_ lines: String...) {
    for line in lines { print(line) }
    fflush(nil)
  }

  /// Prints a line for people beside the output proper. `stderr(3)`
  static func note(_ line: String) {
    let text = line + "\n"
    // A note that cannot be written is lost: there is nowhere to say so.
    _ = text.withCString { write(STDERR_FILENO, $0, text.utf8.count) }
  }
}
