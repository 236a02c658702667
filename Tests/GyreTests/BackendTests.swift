import CLiburing
import Glibc
import Testing

@testable import Gyre

/// Which backend a loop gets, where the kernel allows io_uring and where it does not: scripts/test runs it in both.
@Suite(.serialized)
struct BackendTests {
  @Test func aForcedBackendIsThatOneOrAnError() async throws {
    for backend in Backend.allCases {
      let configuration = EventLoop.Configuration(backend: backend.choice)
      if Backends.available.contains(backend) {
        #expect(try EventLoop.run(configuration) { EventLoop.current?.backend } == backend)
      } else {
        let error = #expect(throws: BackendError.self) { try EventLoop.run(configuration) {} }
        #expect(error?.backend == .uring)
        #expect(error?.description.contains("use epoll") == true)
      }
    }
  }

  /// Where the kernel has all that loops need, they use it: a suite on epoll alone has a reason.
  @Test func ioUringIsUsedWhereTheKernelHasIt() {
    let features = try? RingFeatures.probe().get()
    #expect(Backends.available.contains(.uring) == (features?.required.allSatisfy(\.available) ?? false))
  }

  @Test func theAutomaticChoiceIsTheBestThereIs() throws {
    try withEnvironment(nil) { () throws in
      #expect(try EventLoop.run { EventLoop.current?.backend } == Backends.available.first)
    }
  }

  @Test func theEnvironmentDecidesForTheAutomaticChoiceOnly() throws {
    try withEnvironment("epoll") { () throws in
      #expect(try EventLoop.run { EventLoop.current?.backend } == .epoll)
      #expect(try BackendChoice.uring.resolved() == .uring)
    }
    try withEnvironment("") { () throws in #expect(try BackendChoice.automatic.resolved() == .automatic) }
    try withEnvironment("kqueue") { () throws in
      let error = #expect(throws: ConfigurationError.self) { try EventLoop.run {} }
      #expect(error?.description.contains("kqueue") == true)
      #expect(throws: ConfigurationError.self) { try EventLoop.start() }
    }
  }

  /// Only what says that there is no io_uring makes a program fall back; a shortage that passes does not.
  @Test func whatFallsBack() {
    for number in [EPERM, ENOSYS, EACCES, ENOMEM, EINVAL, EOPNOTSUPP] {
      #expect(DriverChoice.fallsBack(Errno(rawValue: number)))
    }
    for number in [EMFILE, ENFILE] { #expect(!DriverChoice.fallsBack(Errno(rawValue: number))) }
  }

  @Test(arguments: Backends.available)
  func moreMemoryThanThereIsIsAnError(_ backend: Backend) {
    var configuration = EventLoop.Configuration(backend: backend.choice)
    // Half a tebibyte: each value is allowed, their product is not to be had. Where it is, the loop runs.
    configuration.bufferCount = 32768
    configuration.bufferSize = 1 << 24
    do {
      try EventLoop.run(configuration) {}
    } catch let error as BackendError {
      #expect(error.errno == .noMemory)
      #expect(error.description.contains("bufferCount") && !error.description.contains("locked"))
    } catch {
      Issue.record("unexpected: \(error)")
    }
  }

  @Test func aGroupOfMoreLoopsThanThereCanBeIsAnError() {
    for count in [Int.min, 0, 1025, .max] {
      #expect(throws: ConfigurationError.self) { try EventLoopGroup.start(loops: count) }
      #expect(throws: ConfigurationError.self) { try EventLoopGroup.start(loops: count, pinning: .each) }
    }
  }

  @Test func whatIsWithheldHasANameThatIsKnown() throws {
    #expect(try OptionalFeature.named("") == [])
    #expect(try OptionalFeature.named("receive-limit,message-ring") == [.receiveLimit, .messageRing])
    let error = #expect(throws: ConfigurationError.self) { try OptionalFeature.named("receive-limit,luck") }
    #expect(error?.description.contains("luck") == true)
  }

  /// A configuration can take each feature away, and all of them.
  @Test(
    .needsIOUring,
    arguments: OptionalFeature.allCases.map { [$0] } + [OptionalFeature.allCases]
  )
  func aLoopDoesWithoutAFeature(_ features: [OptionalFeature]) async throws {
    try await withLoop(.uring, configure: { $0.without = Set(features) }) { loop in
      let driver = loop.driver as! URingDriver
      for feature in features {
        switch feature {
        case .multishotReceive, .receiveLimit: #expect(driver.receiveLimit == 0 && driver.bundleLimit == 0)
        case .receiveBundles: #expect(driver.bundleLimit == 0)
        case .directDescriptors: #expect(!driver.hasDirectRoom)
        case .messageRing: #expect(driver.waker.ring == nil)
        case .deferredTaskRun: #expect(driver.ring.setupFlags & IORING_SETUP_DEFER_TASKRUN == 0)
        case .noIOWait: break
        }
      }
      let failures = try await EchoTraffic(loop: loop, connections: 8, messages: 20).run()
      #expect(failures.isEmpty)
    }
  }

  /// One buffer is enough for io_uring, with and without a limit of receives.
  @Test(.needsIOUring, arguments: [1, 2, 4], [false, true])
  func fewBuffersAreNoReasonForEpoll(_ count: Int, _ isLimited: Bool) async throws {
    var configuration = EventLoop.Configuration(backend: .uring)
    configuration.bufferCount = count
    if !isLimited { configuration.without = [.receiveLimit] }
    #expect(try EventLoop.run(configuration) { EventLoop.current?.backend } == .uring)
  }

  @Test func everyConfigurationOutOfItsRangeIsAnError() {
    let wrong: [(inout EventLoop.Configuration) -> Void] = [
      { $0.bufferCount = 0 }, { $0.bufferCount = 65536 }, { $0.bufferCount = -1 }, { $0.bufferCount = 3 },
      { $0.bufferSize = 0 }, { $0.bufferSize = (1 << 24) + 1 }, { $0.buffersPerConnection = 0 },
      { $0.buffersPerConnection = .max }, { $0.directDescriptors = -1 }, { $0.directDescriptors = .max },
      { $0.completionsPerTurn = 0 }, { $0.jobsPerTurn = 0 }, { $0.jobsPerTurn = .max },
    ]
    for (number, change) in wrong.enumerated() {
      var configuration = EventLoop.Configuration()
      change(&configuration)
      #expect(throws: ConfigurationError.self, "change \(number)") { try EventLoop.start(configuration) }
    }
  }

  private func withEnvironment(_ value: String?, _ body: () throws -> Void) throws {
    let name = "GYRE_BACKEND"
    let previous = getenv(name).map { String(cString: $0) }
    defer { if let previous { setenv(name, previous, 1) } else { unsetenv(name) } }
    if let value { setenv(name, value, 1) } else { unsetenv(name) }
    try body()
  }
}
