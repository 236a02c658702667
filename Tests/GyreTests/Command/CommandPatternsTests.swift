import Foundation
import Glibc
import Testing

@testable import Gyre
@testable import GyreCommand

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

  @Test(arguments: Backends.available.flatMap { backend in patterns.map { (backend, $0) } })
  func everyPatternIsMeasured(_ backend: Backend, _ name: String) async throws {
    let rows = try await measurements(
      [
        "--backend", backend.rawValue, "--seconds", "0.2", "--connections", "4", "--workload", "light", "--pattern",
        name,
      ]
    )
    let row = try #require(rows.first)
    #expect(rows.count == 1 && row["pattern"] as? String == name)
    let rate = try #require(row["requestsPerSecond"] as? Double)
    let cpu = try #require(row["cpuMicrosecondsPerRequest"] as? Double)
    #expect(rate > 0 && cpu > 0 && row["lostConnections"] as? Int == 0)
    #expect((row["privateBytes"] as? Int ?? 0) > 100_000)
    let processes = try #require(row["processes"] as? [[String: Any]])
    #expect(processes.count == (name == "process-per-connection" ? 5 : name.hasPrefix("processes") ? 3 : 1))
    #expect(processes.allSatisfy { ($0["threads"] as? [Int])?.isEmpty == false })
    if name == "threads-acceptor" {
      #expect(row["connectionsPerThread"] as? [String: Int] == ["least": 2, "most": 2])
    }
  }

  @Test(arguments: ["single", "process-per-connection"])
  func aCrashTakesOneWorkerOrTheWholeServer(_ name: String) async throws {
    let rows = try await measurements(
      ["--seconds", "1", "--connections", "4", "--workload", "crash", "--pattern", name]
    )
    let row = try #require(rows.first)
    let lost = try #require(row["lostConnections"] as? Int)
    if name == "single" {
      #expect(lost >= 4 && row["outageMilliseconds"] == nil)
    } else {
      #expect(lost == 1 && row["outageMilliseconds"] is Double)
    }
  }

  /// A slow start is none: only the end of the server's output says that it will never listen.
  @Test
  func aServerThatEndsBeforeItListensIsToldOfAtOnce() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    #expect(throws: PatternError.self) { try PatternServer.address(from: ends[0], patience: .milliseconds(1)) }
    #expect(write(ends[1], "listening on 127.0.0.1:7\n", 25) == 25)
    #expect(try PatternServer.address(from: ends[0]) == SocketAddress("127.0.0.1:7"))
    close(ends[1])
    let error = #expect(throws: PatternError.self) { try PatternServer.address(from: ends[0]) }
    #expect(error?.description.contains("ended before it listened") == true)
  }

  @Test
  func aWrongValueSaysWhatToUse() async throws {
    let ending = try await CommandProgram.run("patterns", "--connections", "0")
    #expect(ending.status == 64 && ending.errors.contains("--connections: use 1 to 1024"))
  }
}
