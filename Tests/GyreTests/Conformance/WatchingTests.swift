import Synchronization
import Testing

@testable import Gyre

/// What a loop tells of its own turns.
@Suite(.serialized)
struct WatchingTests {
  /// Holds the thread for a time.
  private static func hold(_ duration: Duration) {
    let end = LoopClock.Instant.now.advanced(by: duration)
    while LoopClock.Instant.now < end {}
  }

  @Test(arguments: Backends.available)
  func aSlowJobIsReportedWithItsTasksName(_ backend: Backend) async throws {
    let reports = Mutex<[SlowJob]>([])
    try await withLoop(backend) { configuration in
      configuration.slowJobLimit = .milliseconds(20)
      configuration.onSlowJob = { job in reports.withLock { $0.append(job) } }
    } _: { loop in
      let slow = Task(name: "the slow one", executorPreference: loop.taskExecutor) {
        WatchingTests.hold(.milliseconds(30))
        try await loop.sleep(for: .milliseconds(1))
        WatchingTests.hold(.milliseconds(25))
        await Task.yield()
      }
      try await slow.value
      let longest = try #require(try await loop.statistics.longestJob)
      #expect(longest.duration >= .milliseconds(30) && longest.taskName == "the slow one")
      #expect(try await loop.statistics.times == nil, "not asked for")
    }
    let named = reports.withLock { $0 }.filter { $0.taskName == "the slow one" }
    #expect(named.count == 2)
    #expect(named.allSatisfy { $0.duration > .milliseconds(20) })
  }

  /// On no loop, and used by a loop's task all the same.
  private actor Misplaced {
    /// Suspends when somebody waits for the actor.
    func visit(_ loop: EventLoop) async throws {
      let isComing = Semaphore()
      Task.detached {
        isComing.signal()
        await self.hold()
      }
      isComing.wait()
      WatchingTests.hold(.milliseconds(5))
      try await loop.sleep(for: .milliseconds(1))
    }

    private func hold() {
      if EventLoop.current != nil { holds += 1 }
      WatchingTests.hold(.milliseconds(30))
    }

    private(set) var holds = 0
  }

  /// A task of the stock executor that goes on on the loop's thread: the task that let it in is named, and what happened.
  @Test(arguments: Backends.available)
  func aThreadThatOthersGotThroughAnActorIsReported(_ backend: Backend) async throws {
    let reports = Mutex<[SlowJob]>([])
    try await withLoop(backend) { configuration in
      configuration.slowJobLimit = .milliseconds(20)
      configuration.onSlowJob = { job in reports.withLock { $0.append(job) } }
    } _: { loop in
      let actor = Misplaced()
      for _ in 0..<100 where await actor.holds == 0 { try await actor.visit(loop) }
      #expect(await actor.holds > 0)
      try await Task(name: "its own", executorPreference: loop.taskExecutor) {
        WatchingTests.hold(.milliseconds(30))
        try await loop.sleep(for: .milliseconds(1))
      }.value
    }
    #expect(reports.withLock { $0 }.contains { $0.ranOthers && $0.duration >= .milliseconds(30) })
    #expect(reports.withLock { $0 }.contains { !$0.ranOthers && $0.taskName == "its own" })
  }

  @Test(arguments: Backends.available)
  func turnsAreSplitIntoTheirParts(_ backend: Backend) async throws {
    try await withLoop(backend) { configuration in
      configuration.measuresTime = true
    } _: { loop in
      WatchingTests.hold(.milliseconds(10))
      try await loop.sleep(for: .milliseconds(30))
      let times = try #require(try await loop.statistics.times)
      #expect(times.tasks >= .milliseconds(10))
      #expect(times.kernel >= .milliseconds(25))
      #expect(times.completions < times.kernel)
      // From another thread, by a hop.
      let jobs = try await Task.detached { try await loop.statistics.jobs }.value
      #expect(jobs > 0)
    }
  }

  @Test(arguments: Backends.available)
  func statisticsOfALoopThatHasEndedAreRefused(_ backend: Backend) async throws {
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    await loop.shutdown()
    await #expect(throws: CancellationError.self) { try await loop.statistics }
  }

  /// A loop that looks before it sleeps does the same as one that does not, and finds work that comes meanwhile.
  @Test(arguments: Backends.available)
  func aSpinningLoopLosesNothing(_ backend: Backend) async throws {
    try await withLoop(backend) { configuration in
      configuration.spin = .milliseconds(10)
    } _: { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        // From another thread, so that the loop has time to look.
        try await Task.detached {
          for round in 0..<200 {
            try await client.send("\(round)")
            let text = try await server.receive()?.text
            #expect(text == "\(round)")
          }
        }.value
      }
      #expect(try await loop.statistics.spins > 0)
      // Timers end the look in time, and a quiet loop sleeps.
      let before = try await loop.statistics.waits
      try await loop.sleep(for: .milliseconds(50))
      #expect(try await loop.statistics.waits - before < 60)
    }
  }

  @Test
  func badLimitsAreRefused() {
    var configuration = EventLoop.Configuration()
    configuration.spin = .seconds(1)
    #expect(throws: ConfigurationError.self) { try configuration.validate() }
    configuration = EventLoop.Configuration()
    configuration.slowJobLimit = .zero
    #expect(throws: ConfigurationError.self) { try configuration.validate() }
  }

  @Test
  func lookingIsGivenUpWhereNoWorkComes() {
    var spinner = Spinner(limit: 1000)
    var looks = 0
    for _ in 0..<1000 where spinner.isWorthIt() {
      looks += 1
      spinner.note(hit: false)
    }
    #expect(looks < 30)
    spinner.note(hit: true)
    #expect(spinner.hits == 1)
  }
}
