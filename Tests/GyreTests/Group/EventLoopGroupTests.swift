import Glibc
import Testing

@testable import Gyre

/// Several loops: their threads, the placement of tasks, and how they start and end together.
@Suite(.serialized)
struct EventLoopGroupTests {
  private func configuration(_ backend: Backend) -> EventLoop.Configuration {
    var configuration = EventLoop.Configuration(backend: backend.choice)
    TinyQueues.fromEnvironment?.apply(to: &configuration)
    return configuration
  }

  @Test(arguments: Backends.available)
  func tasksRunOnTheLoopThatTheyWerePlacedOn(_ backend: Backend) async throws {
    try await EventLoopGroup.withLoops(3, configuration: configuration(backend)) { group in
      let loops = group.loops
      var inTurn: [Int?] = []
      for _ in 0..<6 {
        inTurn.append(try await group.startTask { loops.firstIndex { $0.isCurrent } }.value)
      }
      #expect(inTurn == [0, 1, 2, 0, 1, 2])
      for (index, loop) in loops.enumerated() {
        let chosen = try await group.startTask(on: .loop(loop)) {
          (here: loop.isCurrent, next: try await group.startTask(on: .current) { loop.isCurrent }.value)
        }.value
        #expect(chosen.here && chosen.next, "loop \(index)")
      }
    }
  }

  @Test(arguments: Backends.available)
  func pinnedLoopsStayOnTheirCores(_ backend: Backend) async throws {
    let cores = EventLoopGroup.availableCores
    try await EventLoopGroup.withLoops(cores.count, configuration: configuration(backend), pinning: .each) { group in
      for (core, loop) in zip(cores, group.loops) {
        let allowed = try await group.startTask(on: .loop(loop)) { CoreAffinity.allowed }.value
        #expect(allowed == [core])
      }
    }
    #expect(EventLoopGroup.availableCores == cores, "the caller was pinned")
  }

  @Test
  func aCoreThatIsNotAllowedIsAnErrorAndNothingIsLeft() async throws {
    let core = EventLoopGroup.availableCores[0]
    var configuration = EventLoop.Configuration()
    configuration.name = "failing"
    let failing = configuration
    let error = #expect(throws: ConfigurationError.self) {
      try EventLoopGroup.start(
        loops: 2,
        configuration: failing,
        pinning: .cores([core, 5000])
      )
    }
    #expect(error?.description.hasPrefix("core 5000 is not one that this process may use: choose among") == true)
    // Its thread has drained, and is gone a moment later.
    #expect(await Patience.until { Threads.count(named: "failing") == 0 }, "the first loop still runs")
    #expect(throws: ConfigurationError.self) { try EventLoopGroup.start(loops: 0) }
    #expect(throws: ConfigurationError.self) { try EventLoopGroup.start(loops: 3, pinning: .cores([core])) }
  }

  @Test(arguments: Backends.available)
  func shutdownEndsWhatRunsOnEveryLoop(_ backend: Backend) async throws {
    let group = try EventLoopGroup.start(loops: 3, configuration: configuration(backend))
    let sleepers = group.loops.map { loop in
      group.startTask(on: .loop(loop)) { try await loop.sleep(for: .seconds(3600)) }
    }
    await group.shutdown()
    for sleeper in sleepers {
      await #expect(throws: CancellationError.self) { try await sleeper.value }
    }
    for loop in group.loops { #expect(loop.driver.operations.inFlight == 0) }
  }
}
