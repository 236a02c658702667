import Glibc
import Testing

/// The programs of Redis that talk to a server (Debian: redis-tools; scripts/setup installs them where it can).
enum RedisTools {
  static let areInstalled = ["redis-cli", "redis-benchmark"].allSatisfy { access(path($0), X_OK) == 0 }

  static let areMissing: Comment = "redis-cli and redis-benchmark are not installed: apt-get install redis-tools"

  /// Runs one to its end and returns what it wrote.
  static func run(_ name: String, port: UInt16, _ arguments: String...) throws -> String {
    let process = try ExampleProcess(path(name), ["-p", "\(port)"] + arguments, .epoll, reading: STDOUT_FILENO)
    let output = try process.text(untilLineEnd: false)
    #expect(process.wait() == 0, "\(name) failed: \(output)")
    return output
  }

  private static func path(_ name: String) -> String { "/usr/bin/" + name }
}
