import Glibc
import Testing

/// Holds up the fixture from `begin` to `end`: with `option`, no process that it starts gets ready; a thread that handles `hold`
/// is kept.
final class Stall: Sendable {
  let path = "/tmp/gyre-stall-\(getpid())"
  /// For the fixture's start.
  var option: [String] { ["--stall", path] }

  func begin() { close(open(path, O_CREAT | O_WRONLY, 0o600)) }

  func end() { unlink(path) }

  /// Begins, and has the server's thread that handles a client's messages kept; it answers `let go` at the end.
  func hold(_ client: ServerClient) async throws {
    unlink(path + ".held")
    begin()
    try await client.connection.send("hold \(path)\n")
    let isHeld = await Patience.until { access(path + ".held", F_OK) == 0 }
    #expect(isHeld, "nobody handles the message")
  }

  deinit {
    end()
    unlink(path + ".held")
  }
}
