import Foundation
import Testing

@testable import Gyre

/// A guard against regressions that needs no clock: what an echo takes in system calls, suspensions and allocations.
///
/// Allocations are release code's: what the optimizer puts on the stack, a debug build allocates. `scripts/test` builds the
/// program for release and names it in `GYRE_HOT_PATH`.
@Suite("The hot path") struct HotPathTests {
  /// What `gyre-hot-path` prints.
  private struct Cost: Decodable {
    let requests: Int
    let rounds: Int
    let waits: Int
    let calls: Int
    let jobs: Int
    let allocations: Int?
  }

  static let releaseProgram = ProcessInfo.processInfo.environment["GYRE_HOT_PATH"]

  @Test("an echo suspends once for its bytes and once for its answer", arguments: Backends.available)
  func suspensions(_ backend: Backend) throws {
    let cost = try HotPathTests.cost(of: backend)
    #expect(cost.jobs == 2 * cost.requests)
  }

  @Test("an exchange suspends once for its answer and the next bytes", arguments: Backends.available)
  func suspensionsOfExchanges(_ backend: Backend) throws {
    let cost = try HotPathTests.cost(of: backend, exchange: true)
    #expect(cost.jobs == cost.requests)
  }

  @Test("on io_uring echoes share their system calls", .needsIOUring)
  func systemCallsOfIOUring() throws {
    let cost = try HotPathTests.cost(of: .uring)
    #expect(cost.calls == 0)
    // Of a round's 64 requests, one enter takes in at least 20, which is where recent kernels stop (before them, all),
    // and hands over the sends of those that the one before has taken in.
    #expect(cost.waits >= 2 * cost.rounds)
    #expect(cost.waits <= 4 * cost.rounds, "\(Double(cost.waits) / Double(cost.requests)) a request")
  }

  @Test("on epoll an echo receives once and sends once")
  func systemCallsOfEpoll() throws {
    let cost = try HotPathTests.cost(of: .epoll)
    #expect(cost.calls == 2 * cost.requests)
    #expect(cost.waits == cost.rounds)
  }

  @Test("alone, an echo suspends once, and sends by a call of its own", arguments: Backends.available)
  func alone(_ backend: Backend) throws {
    let cost = try HotPathTests.cost(of: backend, connections: 1)
    #expect(cost.jobs == cost.requests)
    #expect(cost.waits == cost.rounds)
    #expect(cost.calls == (backend == .uring ? 1 : 2) * cost.requests)
  }

  @Test("an echo allocates nothing", .enabled(if: releaseProgram != nil), arguments: Backends.available, [false, true])
  func allocations(_ backend: Backend, _ exchange: Bool) throws {
    let cost = try HotPathTests.cost(of: backend, exchange: exchange, program: HotPathTests.releaseProgram)
    let allocations = try #require(cost.allocations, "a sanitizer's allocations cannot be counted")
    #expect(allocations == 0, "\(Double(allocations) / Double(cost.requests)) a request")
  }

  /// Runs the program that was built with the tests, or another one.
  private static func cost(
    of backend: Backend,
    connections: Int = 64,
    exchange: Bool = false,
    program path: String? = nil
  ) throws -> Cost {
    let program = Process()
    let output = Foundation.Pipe()
    // The package manager puts the programs beside the tests.
    let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    program.executableURL = path.map { URL(fileURLWithPath: $0) } ?? directory.appendingPathComponent("gyre-hot-path")
    program.arguments = [backend.choice.rawValue, "\(connections)"] + (exchange ? ["exchange"] : [])
    program.standardOutput = output
    let watchdog = Watchdog(seconds: 30, "\(backend)")
    defer { watchdog.stop() }
    try program.run()
    let number = program.processIdentifier
    watchdog.onExpiry { kill(number, SIGKILL) }
    let text = output.fileHandleForReading.readDataToEndOfFile()
    program.waitUntilExit()
    try #require(program.terminationStatus == 0)
    return try JSONDecoder().decode(Cost.self, from: text)
  }
}
