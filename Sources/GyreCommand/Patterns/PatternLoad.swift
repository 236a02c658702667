import Glibc
import Gyre
import Histogram

// @unchecked: every member is touched on the loop's thread alone; `run` is called there, and its children stay there.
/// The clients of one measurement: each has one request under way, and connects again when its connection is lost.
final class PatternLoad: @unchecked Sendable {
  /// What the clients saw within the window.
  struct Result {
    var requests = 0
    var seconds = 0.0
    var latencies = Histogram<UInt64>(
      lowestDiscernibleValue: 1,
      highestTrackableValue: 3_600_000_000_000,
      numberOfSignificantValueDigits: .three
    )
    /// Requests by who executed them.
    var requestsOf: [PatternWorker: Int] = [:]
    /// Connections by who executed their first request.
    var connectionsOf: [PatternWorker: Int] = [:]
    /// Connections that were lost.
    var lost = 0
    /// Nanoseconds from the crash to the first answer on a connection that it had taken.
    var outage: UInt64?
    var before: ProcessSample?
    var after: ProcessSample?
  }

  private enum Child {
    case client
    case grace
  }

  private let server: PatternServer
  private let workload: PatternWorkload
  private let connections: Int
  private let seconds: Double
  private let loop: EventLoop
  private var result = Result()
  private var isMeasuring = false
  private var isOver = false
  private var asked = 0
  private var slowThread: Int32 = 0
  private var crashIsDue = false
  private var crashTime: UInt64?

  private static let warmUp = Duration.milliseconds(300)
  /// How long to wait for the next connection to be served.
  private static let patience = Duration.seconds(20)
  private static let grace = Duration.seconds(1)

  init(
    _ server: PatternServer,
    _ workload: PatternWorkload,
    connections: Int,
    seconds: Double,
    on loop: EventLoop
  ) {
    self.server = server
    self.workload = workload
    self.connections = connections
    self.seconds = seconds
    self.loop = loop
  }

  func run() async throws -> Result {
    try await withThrowingTaskGroup(of: Child.self) { group in
      for _ in 0..<connections {
        group.addTask(executorPreference: loop.taskExecutor) {
          await self.stayConnected()
          return .client
        }
      }
      try await keepTime()
      // What still waits for an answer may go on for a moment.
      group.addTask(executorPreference: loop.taskExecutor) {
        try? await self.loop.sleep(for: PatternLoad.grace)
        return .grace
      }
      var left = connections
      while left > 0, let child = try await group.next() {
        if child == .client { left -= 1 } else { group.cancelAll() }
      }
      group.cancelAll()
    }
    return result
  }

  private func keepTime() async throws {
    try await warmUp()
    slowThread = result.requestsOf.keys.map(\.thread).min() ?? 0
    result.requestsOf = [:]
    result.before = server.sample()
    let begin = PatternLoad.now
    isMeasuring = true
    try await loop.sleep(for: .seconds(seconds / 2))
    crashIsDue = workload == .crash
    try await loop.sleep(for: .seconds(seconds / 2))
    isMeasuring = false
    result.seconds = Double(PatternLoad.now - begin) / 1e9
    result.after = server.sample()
    isOver = true
  }

  /// Until every connection has had an answer, and then a moment.
  private func warmUp() async throws {
    let step = Duration.milliseconds(10)
    var (left, served) = (PatternLoad.patience, 0)
    while served < connections {
      if left <= .zero { throw PatternError("only \(served) of \(connections) connections are served") }
      try await loop.sleep(for: step)
      let before = served
      served = result.connectionsOf.values.reduce(0, +)
      left = served > before ? PatternLoad.patience : left - step
    }
    try await loop.sleep(for: PatternLoad.warmUp)
  }

  // MARK: Clients

  private func stayConnected() async {
    var isAgain = false
    while !isOver {
      do {
        try await TCPConnection.withConnection(to: server.address) { try await ask(on: $0, isAgain) }
      } catch {
        if Task.isCancelled { return }
        if !isOver && isMeasuring && !isRefusal(error) { result.lost += 1 }
        isAgain = true
        try? await loop.sleep(for: .milliseconds(5))
      }
    }
  }

  private func isRefusal(_ error: any Error) -> Bool { (error as? SocketError)?.errno == .connectionRefused }

  private func ask(on connection: TCPConnection, _ isAgain: Bool) async throws {
    var isFirst = true
    while !isOver {
      let begin = PatternLoad.now
      try await connection.send(nextRequest())
      let worker = PatternMessage.worker(of: try await answer(on: connection))
      let end = PatternLoad.now
      note(worker, end - begin, isFirst: isFirst)
      if isAgain, isFirst, let crashTime, result.outage == nil { result.outage = end - crashTime }
      isFirst = false
    }
  }

  private func answer(on connection: TCPConnection) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < PatternMessage.length {
      guard let chunk = try await connection.receive() else { throw PatternError("the server closed a connection") }
      bytes += chunk.copy()
    }
    return bytes
  }

  private func nextRequest() -> [UInt8] {
    asked += 1
    if crashIsDue {
      crashIsDue = false
      crashTime = PatternLoad.now
      return PatternMessage.request(.abort)
    }
    switch workload {
    case .heavy where asked % 100 == 0: return PatternMessage.request(.compute)
    case .slowWorker: return PatternMessage.request(.slow, thread: slowThread)
    default: return PatternMessage.request(.answer)
    }
  }

  private func note(_ worker: PatternWorker, _ nanoseconds: UInt64, isFirst: Bool) {
    result.requestsOf[worker, default: 0] += 1
    if isFirst { result.connectionsOf[worker, default: 0] += 1 }
    guard isMeasuring else { return }
    result.requests += 1
    result.latencies.record(nanoseconds)
  }

  /// Nanoseconds of the monotonic clock. `clock_gettime(2)`
  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
