import Glibc

/// Ends the process with the tests that started it: they hold the other end of its standard input, which its
/// workers inherit.
enum Lifeline {
  static func watch() {
    var thread = pthread_t()
    let result = pthread_create(
      &thread,
      nil,
      { _ in
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 {}
        _exit(3)
      },
      nil
    )
    precondition(result == 0, "no thread to watch the tests")
    pthread_detach(thread)
  }
}
