import Glibc
import Gyre
import Histogram

// @unchecked: every member is touched on the loop's thread alone; `run` is called there, and its children stay there.
/// One run of a load. Everything happens on one loop: connections share the histogram and the counters without a lock.
final class Load: @unchecked Sendable {
  private enum Phase {
    case connecting
    case warmingUp
    case measuring
    case over
  }

  private enum Child {
    case connection
    case timeKeeper
  }

  private let plan: LoadPlan
  private let loop: EventLoop
  private let pattern = BytePattern(longest: RequestStream.window)
  private let line = StartLine()
  private var phase = Phase.connecting
  private var isInterrupted = false
  private var windowBegan: UInt64 = 0
  private var windowEnded: UInt64 = 0
  private var requests = 0
  /// Bytes that came back, in the whole run.
  private var received = 0
  private var errors = ErrorTally()
  /// Nanoseconds, up to an hour, to three digits.
  private var latencies = Histogram<UInt64>(
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000_000,
    numberOfSignificantValueDigits: .three
  )

  /// Seconds without progress after which connecting, or waiting for the last answers, is given up.
  private static let patience = 5
  /// Seconds that the connections get to end after a signal.
  private static let grace = 1

  init(_ plan: LoadPlan, on loop: EventLoop) {
    self.plan = plan
    self.loop = loop
  }

  /// Connects, warms up, measures, and waits for the last answers.
  ///
  /// - Parameter onConnected: called when all connections are there, before the first request.
  /// - Throws: `LoadError` if not every connection could be made, and what `onConnected` throws. What goes wrong after that
  ///   is counted in the report.
  func run(onConnected: () throws -> Void) async throws -> LoadReport {
    watchSignals()
    let watchdog = Task(executorPreference: loop.taskExecutor) { try await self.watchConnecting() }
    try await withThrowingTaskGroup(of: Child.self) { group in
      defer { watchdog.cancel() }
      do {
        try await connectAll(&group)
        try onConnected()
        try await exchangeAll(&group)
      } catch {
        line.open()
        throw error
      }
    }
    return report()
  }

  private func connectAll(_ group: inout ThrowingTaskGroup<Child, any Error>) async throws {
    for number in 0..<plan.connections {
      group.addTask(executorPreference: loop.taskExecutor) {
        await self.use(number)
        return .connection
      }
      try await line.nextArrival()
    }
  }

  private func exchangeAll(_ group: inout ThrowingTaskGroup<Child, any Error>) async throws {
    phase = .warmingUp
    line.open()
    group.addTask(executorPreference: loop.taskExecutor) {
      try? await self.keepTime()
      return .timeKeeper
    }
    var left = plan.connections
    while let child = try await group.next() {
      if child == .connection { left -= 1 }
      // Without connections there is nothing to measure; when the time keeper ends, what still waits waits in vain.
      if left == 0 || child == .timeKeeper { group.cancelAll() }
    }
    end()
  }

  // MARK: Time

  private func keepTime() async throws {
    try await loop.sleep(for: .seconds(plan.warmUp))
    begin()
    try await loop.sleep(for: .seconds(plan.seconds))
    end()
    // A slow server is no error: it may take its time for the last answers as long as some come.
    try await waitWithoutProgress { self.received }
  }

  /// Returns when `progress` has said the same for as long as anybody waits. What this process sleeps through counts
  /// once: it has not looked meanwhile either.
  private func waitWithoutProgress(_ progress: () -> Int) async throws {
    var (before, idleSeconds) = (progress(), 0)
    while idleSeconds < Load.patience {
      try await loop.sleep(for: .seconds(1))
      idleSeconds = progress() == before ? idleSeconds + 1 : 0
      before = progress()
    }
  }

  private func begin() {
    guard phase == .warmingUp else { return }
    phase = .measuring
    windowBegan = Load.now
  }

  private func end() {
    if phase == .measuring { windowEnded = Load.now }
    phase = .over
  }

  private func watchConnecting() async throws {
    try await waitWithoutProgress { line.arrived }
    if phase == .connecting { line.fail(LoadError.connectTakesTooLong(plan.address, seconds: Load.patience)) }
  }

  private func watchSignals() {
    let loop = loop
    let watch = SignalWatch(
      onFirst: { Task(executorPreference: loop.taskExecutor) { self.interrupt() } },
      onGraceOver: { loop.stop() },
      grace: Load.grace
    )
    watch.start()
  }

  private func interrupt() {
    isInterrupted = true
    if phase == .connecting { line.fail(LoadError.interrupted) }
    end()
  }

  /// Nanoseconds of the monotonic clock. `clock_gettime(2)`
  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  // MARK: Connections

  /// Makes one connection and keeps it busy until the time is over or it fails.
  private func use(_ number: Int) async {
    do {
      try await TCPConnection.withConnection(to: plan.address) { connection in
        await line.wait()
        await exchange(on: connection, number)
      }
    } catch let error as SocketError {
      // What `exchange` meets it counts itself: this is an error of connecting.
      line.fail(LoadError.noConnection(error, number: number, of: plan.connections))
    } catch {
      line.fail(error)
    }
  }

  private func exchange(on connection: TCPConnection, _ number: Int) async {
    var stream = RequestStream(size: plan.size, depth: plan.pipeline, first: number)
    do {
      try await send(&stream, on: connection)
      while stream.owed > 0 {
        guard let chunk = try await connection.receive() else { throw LoadError.closedByServer }
        try take(chunk.bytes, &stream)
        try await send(&stream, on: connection)
      }
    } catch is CancellationError {
      if stream.unanswered > 0 && !isInterrupted { errors.count(LoadError.noAnswer) }
    } catch {
      errors.count(error)
    }
  }

  private func send(_ stream: inout RequestStream, on connection: TCPConnection) async throws {
    let count = stream.sendable(wanted: phase == .warmingUp || phase == .measuring)
    guard count > 0 else { return }
    let (pattern, position) = (pattern, stream.sent)
    stream.send(count, now: Load.now)
    try await connection.send(pattern.bytes(at: position, count: count))
  }

  private func take(_ bytes: RawSpan, _ stream: inout RequestStream) throws {
    guard bytes.byteCount <= stream.owed, pattern.matches(bytes, at: stream.received) else {
      throw LoadError.wrongBytes
    }
    received += bytes.byteCount
    stream.receive(bytes.byteCount, now: Load.now) { nanoseconds in
      guard phase == .measuring else { return }
      requests += 1
      latencies.record(nanoseconds)
    }
  }

  // MARK: Result

  private func report() -> LoadReport {
    LoadReport(
      plan: plan,
      backend: loop.backend,
      seconds: Double(windowEnded - windowBegan) / 1e9,
      requests: requests,
      latency: requests > 0 ? LatencySummary(latencies) : nil,
      errors: errors,
      isInterrupted: isInterrupted
    )
  }
}
