import Glibc

/// Holds up every process that the fixture starts, from `begin` to `end`: none gets ready.
final class Stall: Sendable {
  let path = "/tmp/gyre-stall-\(getpid())"
  /// For the fixture.
  var option: [String] { ["--stall", path] }

  func begin() { close(open(path, O_CREAT | O_WRONLY, 0o600)) }

  func end() { unlink(path) }

  deinit { end() }
}
