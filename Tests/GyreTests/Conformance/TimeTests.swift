import Testing

@testable import Gyre

/// Clocks, ticks and sleeping on a loop's timers.
@Suite(.serialized)
struct TimeTests {
  /// `Task.sleep` and the clocks keep time on the loop of the task that asks.
  @Test(arguments: Backends.available)
  func everyWayToSleepUsesTheLoopsTimers(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let ways: [@Sendable () async throws -> Void] = [
        { try await Task.sleep(for: .seconds(1000)) },
        { try await Task.sleep(nanoseconds: 1_000_000_000_000) },
        { try await ContinuousClock().sleep(for: .seconds(1000)) },
        { try await SuspendingClock().sleep(for: .seconds(1000)) },
        { try await Task.sleep(for: .seconds(1000), clock: .loop) },
        { try await loop.sleep(for: .seconds(1000)) },
      ]
      for way in ways {
        let before = loop.timers.count
        let sleeper = start(on: loop, way)
        try await eventually("asleep") { loop.timers.count == before + 1 }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
      }
    }
  }

  @Test(arguments: Backends.available)
  func sleepersWakeOnTheirLoopAndNotTooEarly(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      for way in 0..<3 {
        let start = LoopClock.Instant.now
        switch way {
        case 0: try await Task.sleep(for: .milliseconds(5))
        case 1: try await LoopClock().sleep(for: .milliseconds(5))
        default: try await ContinuousClock().sleep(for: .milliseconds(5))
        }
        #expect(start.duration(to: .now) >= .milliseconds(5))
        #expect(loop.isCurrent)
      }
    }
  }

  @Test(arguments: Backends.available)
  func ticksDoNotDriftAndTellWhatWasMissed(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let began = EventLoop.now
      var ticks = try loop.ticks(every: .milliseconds(10)).makeAsyncIterator()
      var numbers: [Int] = []
      for round in 0..<5 {
        let number = try #require(try await ticks.next())
        #expect(EventLoop.now >= began + UInt64(number) * 10_000_000, "a tick is never early")
        numbers.append(number)
        // Away for more than two ticks: the next one is there at once, and its number tells.
        if round == 2 { try await loop.sleep(for: .milliseconds(25)) }
      }
      #expect(numbers == numbers.sorted() && Set(numbers).count == 5)
      #expect(numbers[3] >= numbers[2] + 2)
      let endless = start(on: loop) { for try await _ in try loop.ticks(every: .milliseconds(1)) {} }
      try await loop.sleep(for: .milliseconds(3))
      endless.cancel()
      await #expect(throws: CancellationError.self) { try await endless.value }
      #expect(throws: ConfigurationError.self) { try loop.ticks(every: .zero) }
    }
  }

  /// Of a tick each nanosecond, one has always passed.
  @Test(arguments: Backends.available)
  func aLateConsumerOfTicksLetsOthersRunAndEndsWithItsLoop(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let ticked = Shared(0)
      let consumers = [loop.taskExecutor, nil].map { preference in
        Task.detached(executorPreference: preference) {
          for try await _ in try loop.ticks(every: .nanoseconds(1)) { ticked.update { $0 += 1 } }
        }
      }
      try await eventually("ticks") { ticked.value >= 10 }
      loop.stop()
      for consumer in consumers { await #expect(throws: CancellationError.self) { try await consumer.value } }
    }
  }

  @Test(arguments: Backends.available)
  func anEndedLoopHasNoTicks(_ backend: Backend) async throws {
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let ticks = try loop.ticks(every: .nanoseconds(1))
    await loop.shutdown()
    await #expect(throws: CancellationError.self) { for try await _ in ticks {} }
  }

  @Test
  func instantsHoldAtTheirLimits() {
    let start = LoopClock.Instant(nanoseconds: 1000)
    #expect(start.advanced(by: .nanoseconds(5)).nanoseconds == 1005)
    #expect(start.advanced(by: .nanoseconds(-5)).nanoseconds == 995)
    #expect(start.advanced(by: .seconds(-5)).nanoseconds == 0)
    #expect(LoopClock.Instant(nanoseconds: .max).advanced(by: .seconds(1)).nanoseconds == .max)
    #expect(start.duration(to: LoopClock.Instant(nanoseconds: 900)) == .nanoseconds(-100))
    #expect(start < start.advanced(by: .nanoseconds(1)))
    // Durations of more seconds than 64 bits hold.
    let far = Duration.seconds(Int64.max) * 16
    #expect(start.advanced(by: far) > start.advanced(by: .seconds(1 << 32)))
    #expect(start.advanced(by: .zero - far).nanoseconds == 0)
    #expect(start.advanced(by: .seconds(Int64.min)).nanoseconds == 0)
    #expect(far.nanosecondsClamped == UInt64(Int64.max / 2) && (.zero - far).nanosecondsClamped == 0)
    #expect(Duration(secondsComponent: 0, attosecondsComponent: 1).nanosecondsClamped == 1)
  }

  /// No duration traps, however it is waited for.
  @Test(arguments: Backends.available)
  func everyWayToWaitTakesEveryDuration(_ backend: Backend) async throws {
    let far = Duration.seconds(Int64.max) * 16
    let long: [@Sendable (EventLoop) async throws -> Void] = [
      { try await $0.sleep(for: far) },
      { try await $0.sleep(until: .now.advanced(by: far)) },
      { _ in try await Task.sleep(for: far) },
      { _ in try await LoopClock().sleep(until: .now.advanced(by: far)) },
      { loop in for try await _ in try loop.ticks(every: far) {} },
      { loop in try await withTimeout(far) { try await loop.sleep(for: far) } },
      { loop in try await withDeadline(ContinuousClock.now.advanced(by: far)) { try await loop.sleep(for: far) } },
    ]
    let past = Duration.zero - far
    try await withLoop(backend) { loop in
      for wait in long {
        await #expect(throws: TimeoutError.self) { try await withTimeout(.milliseconds(2)) { try await wait(loop) } }
      }
      try await loop.sleep(for: past)
      try await loop.sleep(until: .now.advanced(by: past))
      try await Task.sleep(until: .now.advanced(by: past), clock: .continuous)
      try await LoopClock().sleep(until: .now.advanced(by: past))
      await #expect(throws: TimeoutError.self) { try await withTimeout(past) { try await loop.sleep(for: far) } }
      let deadline = ContinuousClock.now.advanced(by: past)
      await #expect(throws: TimeoutError.self) { try await withDeadline(deadline) { try await loop.sleep(for: far) } }
    }
  }

  /// A body that fails on its own when its time is over has not timed out.
  @Test(arguments: Backends.available)
  func anErrorOfTheBodysOwnIsKept(_ backend: Backend) async throws {
    struct Refused: Error {}
    try await withLoop(backend) { loop in
      await #expect(throws: Refused.self) {
        try await withTimeout(.milliseconds(1)) {
          try? await loop.sleep(for: .seconds(1000))
          throw Refused()
        }
      }
      await #expect(throws: TimeoutError.self) {
        try await withDeadline(LoopClock.Instant.now) { try await Task.sleep(for: .seconds(1000)) }
      }
      // The runtime's own timer of the cancelled sleep stays; Gyre's are gone.
      #expect(loop.timers.count == 1)
    }
  }

  /// A hundred thousand timers at random, half of them cancelled: each of the others fires once, in the order of its time.
  @Test(arguments: Backends.available)
  func manyTimersFireInOrder(_ backend: Backend) async throws {
    try await withLoop(backend, seconds: 60) { loop in
      var random = SeededGenerator(seed: 20_261_124)
      print("timers: seed 20261124")
      let log = TimerLog()
      let start = EventLoop.now
      var ids: [TimerID] = []
      for _ in 0..<100_000 {
        let deadline = start + UInt64.random(in: 0..<20_000_000, using: &random)
        ids.append(loop.timers.insert(at: deadline, .call { fired in if fired { log.deadlines.append(deadline) } }))
      }
      for index in stride(from: 0, to: ids.count, by: 2) { #expect(loop.timers.remove(ids[index]) != nil) }
      try await eventually("all fired") { loop.timers.isEmpty }
      #expect(log.deadlines.count == 50_000)
      #expect(log.deadlines == log.deadlines.sorted())
    }
  }

  // @unchecked: only the loop's thread touches it.
  private final class TimerLog: @unchecked Sendable {
    var deadlines: [UInt64] = []
  }
}
