import Testing

@testable import Gyre

/// The drivers' seam: faults from the calls' real error sets, at random places, repeatable by the printed seed.
@Suite(.serialized)
struct FaultInjectionTests {
  private static let seed: UInt64 = 20_261_123

  /// What the kernel may do on a busy machine loses nothing: interrupted and short calls, shortages, late completions.
  @Test(arguments: Backends.available)
  func harmlessFaultsLoseNothing(_ backend: Backend) async throws {
    let plan = FaultInjectionTests.plan(.harmless(seed: FaultInjectionTests.seed), for: backend)
    let log = FaultLog()
    let configure = { (configuration: inout EventLoop.Configuration) in
      configuration.wrapDriver = { FaultyDriver($0, plan: plan, log: log) }
    }
    let failures = try await withLoop(backend, seconds: 120, configure: configure) { loop in
      var failures: [any Error] = []
      for _ in 0..<300 where !log.missing(from: plan).isEmpty {
        failures += try await EchoTraffic(loop: loop, connections: 8, messages: 40).run()
      }
      return failures
    }
    #expect(failures.isEmpty)
    #expect(log.missing(from: plan).isEmpty, "faults that never fired")
    #expect(log.closed.all > 0 && log.closed.early == 0, "closed while an operation was in flight")
    print("faults \(backend) seed \(plan.seed): \(log.total) harmless ones fired")
  }

  /// What ends a connection ends that one, with the injected errno, and leaks nothing.
  @Test(arguments: Backends.available)
  func harmfulFaultsEndTheirConnectionOnly(_ backend: Backend) async throws {
    let plan = FaultInjectionTests.plan(.harmful(seed: FaultInjectionTests.seed), for: backend)
    let log = FaultLog()
    let configure = { (configuration: inout EventLoop.Configuration) in
      configuration.wrapDriver = { FaultyDriver($0, plan: plan, log: log) }
    }
    let failures = try await withLoop(backend, seconds: 120, configure: configure) { loop in
      var failures: [any Error] = []
      for _ in 0..<200 where !log.missing(from: plan).isEmpty {
        failures += try await EchoTraffic(loop: loop, connections: 8, messages: 20).run()
      }
      return failures
    }
    #expect(log.missing(from: plan).isEmpty, "faults that never fired")
    #expect(!failures.isEmpty)
    let unexpected = failures.filter { !FaultInjectionTests.isInjected($0, plan) }
    #expect(unexpected.isEmpty)
    print("faults \(backend) seed \(plan.seed): \(log.total) harmful ones fired, \(failures.count) connections failed")
  }

  /// Only direct descriptors need another installed.
  private static func plan(_ plan: FaultPlan, for backend: Backend) -> FaultPlan {
    var plan = plan
    if backend == .epoll || !KernelSupport.hasDirectDescriptors { plan.faults[.install] = nil }
    return plan
  }

  /// The injected errno, or how its peer noticed: the end of the stream or a reset.
  private static func isInjected(_ error: any Error, _ plan: FaultPlan) -> Bool {
    if error is EchoTraffic.StreamEnded { return true }
    guard let error = error as? SocketError else { return false }
    return plan.faults.values.joined().contains(.error(error.errno)) || error.errno == .connectionReset
  }
}
