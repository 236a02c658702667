import Foundation
import Testing

/// Python's client of Redis, in a directory of its own, where scripts/setup puts it.
enum RedisPy {
  static let isInstalled = access(directory + "/redis/asyncio/client.py", R_OK) == 0

  static let isMissing: Comment =
    "redis-py is not in .build/redis-py, where scripts/setup puts it if Python 3 and pip are there"

  /// Runs what its documentation shows first, and returns what it says of it.
  static func runBasics(port: UInt16) throws -> String {
    let script = root + "/Tests/Tools/RedisPy/basics.py"
    let process = try ExampleProcess(
      "/usr/bin/env",
      ["python3", script, directory, "\(port)"],
      .epoll,
      reading: STDOUT_FILENO
    )
    let output = try process.text(untilLineEnd: false)
    return process.wait() == 0 ? output : "failed: " + output
  }

  private static let directory = root + "/.build/redis-py"
  private static let root = #filePath.split(separator: "/").dropLast(5).map { "/" + $0 }.joined()
}
