import Foundation
import Testing

@testable import Gyre

/// `gyre patterns`, as its users see it.
@Suite(.serialized)
struct CommandPatternsTests {
  private static let patterns = [
    "single", "threads-reuseport", "threads-shared", "threads-acceptor", "threads-messages", "processes-reuseport",
    "processes-shared", "process-per-connection",
  ]

  private func measurements(_ arguments: [String]) async throws -> [[String: Any]] {
    let ending = try await CommandProgram.with(["patterns", "--json"] + arguments) { try await $0.ending() }
    #expect(ending.status == 0, "\(ending.errors)")
    return try #require(try ending.object()["measurements"] as? [[String: Any]])
  }

  @Test(arguments: Backends.available)
  func everyPatternIsMeasured(_ backend: Backend) async throws {
    let rows = try await measurements(
      ["--backend", backend.rawValue, "--seconds", "0.2", "--connections", "4", "--workload", "light"]
    )
    #expect(rows.map { $0["pattern"] as? String } == CommandPatternsTests.patterns)
    for row in rows {
      let name = "\(row["pattern"] ?? "")"
      let rate = try #require(row["requestsPerSecond"] as? Double)
      let cpu = try #require(row["cpuMicrosecondsPerRequest"] as? Double)
      #expect(rate > 0 && cpu > 0 && row["lostConnections"] as? Int == 0, "\(name)")
      #expect((row["privateBytes"] as? Int ?? 0) > 100_000, "\(name)")
      let processes = try #require(row["processes"] as? [[String: Any]])
      let expected = name == "process-per-connection" ? 5 : name.hasPrefix("processes") ? 3 : 1
      #expect(processes.count == expected, "\(name)")
      #expect(processes.allSatisfy { ($0["threads"] as? [Int])?.isEmpty == false }, "\(name)")
    }
    let acceptor = try #require(rows.first { $0["pattern"] as? String == "threads-acceptor" })
    let spread = try #require(acceptor["connectionsPerThread"] as? [String: Int])
    #expect(spread == ["least": 2, "most": 2])
  }

  @Test
  func aCrashTakesOneWorkerOrTheWholeServer() async throws {
    let rows = try await measurements(
      [
        "--seconds", "1", "--connections", "4", "--workload", "crash", "--pattern", "single", "--pattern",
        "process-per-connection",
      ]
    )
    let lost = rows.compactMap { $0["lostConnections"] as? Int }
    #expect(lost.count == 2 && lost[0] >= 4 && lost[1] == 1)
    #expect(rows[0]["outageMilliseconds"] is NSNull || rows[0]["outageMilliseconds"] == nil)
    #expect(rows[1]["outageMilliseconds"] is Double)
  }

  @Test
  func aWrongValueSaysWhatToUse() async throws {
    let ending = try await CommandProgram.run("patterns", "--connections", "0")
    #expect(ending.status == 64 && ending.errors.contains("--connections: use 1 to 1024"))
  }
}
