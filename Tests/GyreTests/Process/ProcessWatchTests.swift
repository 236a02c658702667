import CLiburing
import Glibc
import Testing

@testable import Gyre

/// How the end of a child process reaches a task. That a program can fork at all is tested with the KeyValue example: a
/// test process has too many threads.
@Suite(.serialized) struct ProcessWatchTests {
  @Test(arguments: Backends.available)
  func aChildsStatusIsDelivered(backend: Backend) async throws {
    try await withLoop(backend) { (loop) async throws in
      #expect(try await Self.run("exit 0", on: loop).exit() == .exited(0))
      #expect(try await Self.run("exit 7", on: loop).exit() == .exited(7))
      #expect(try await Self.run("kill -KILL $$", on: loop).exit() == .signaled(SIGKILL))
    }
  }

  @Test(arguments: Backends.available)
  func severalTasksMayWaitAndTheEndIsRemembered(backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let child = try Self.run("read line; exit 3", on: loop, input: true)
      async let first = child.exit()
      async let second = child.exit()
      try await eventually("nobody waits") { child.isAwaited }
      child.letGo()
      #expect(try await [first, second] == [.exited(3), .exited(3)])
      #expect(try await child.exit() == .exited(3))
    }
  }

  /// The child is none the worse, and can be waited for again.
  @Test(arguments: Backends.available)
  func waitingCanBeCancelled(backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let child = try Self.run("read line; exit 3", on: loop, input: true)
      let task = Task(executorPreference: loop.taskExecutor) { try await child.exit() }
      try await eventually("nobody waits") { child.isAwaited }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      child.letGo()
      #expect(try await child.exit() == .exited(3))
    }
  }

  /// A loop that stops lets go of a child that runs on; whoever waits is told.
  @Test(arguments: Backends.available)
  func aLoopMayStopBeforeItsChild(backend: Backend) async throws {
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let task = Task(executorPreference: loop.taskExecutor) {
      let child = try Self.run("read line", on: loop, input: true)
      let waiting = Task(executorPreference: loop.taskExecutor) { try await child.exit() }
      try await eventually("nobody waits") { child.isAwaited }
      loop.stop()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      return child
    }
    let child = try await task.value
    await loop.shutdown()
    #expect(loop.driver.operations.inFlight == 0)
    child.letGo()
    var status: Int32 = 0
    #expect(waitpid(child.processID, &status, 0) == child.processID)
  }

  @Test func aProcessWithOtherThreadsIsNotForked() throws {
    try EventLoop.run {
      do {
        _ = try ForkedChild.start { 0 }
        Issue.record("forked beside other threads")
      } catch ForkError.threads(let names) {
        #expect(!names.isEmpty)
        #expect(ForkError.threads(["a", "b"]).description.contains("other threads (a, b)"))
      }
    }
  }

  @Test func aCallerWithoutALoopIsToldSo() {
    #expect(throws: ForkError.noLoop) { try ForkedChild.start { 0 } }
  }

  // MARK: Children

  /// A shell, and a watch on it.
  private static func run(_ script: String, on loop: EventLoop, input: Bool = false) throws -> WatchedShell {
    try WatchedShell(script, on: loop, input: input)
  }
}
