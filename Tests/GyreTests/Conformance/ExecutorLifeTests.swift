import Testing

@testable import Gyre

/// How long an executor lives: AddressSanitizer sees a use after its end, a plain run may not.
@Suite(.serialized)
struct ExecutorLifeTests {
  private actor Resident {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
    private var steps = 0

    init(loop: EventLoop) { self.loop = loop }

    func wait(for gate: Ending, _ isWaiting: Ending) async -> Int {
      steps += 1
      isWaiting.end()
      await gate.wait()
      steps += 1
      return steps
    }
  }

  /// The runtime holds no reference to an actor's executor while the actor's tasks are suspended.
  @Test(arguments: Backends.available)
  func anActorGoesOnAfterTheEndOfItsLoop(_ backend: Backend) async throws {
    let watchdog = Watchdog(seconds: 30)
    defer { watchdog.stop() }
    for _ in 0..<20 {
      let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
      let (gate, isWaiting) = (Ending(), Ending())
      let resident = Resident(loop: loop)
      let tasks = (0..<4).map { _ in Task.detached { await resident.wait(for: gate, isWaiting) } }
      await isWaiting.wait()
      await loop.shutdown()
      // Objects of the executors' size, to take the place of one that was freed.
      let fillers = (0..<100).map { _ in OperationTarget() }
      gate.end()
      for task in tasks { #expect(await task.value >= 2) }
      withExtendedLifetime(fillers) {}
    }
  }
}
