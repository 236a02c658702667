import Gyre
import Testing

/// The main thread and its queue, and how programs end. Each test runs a program: a process has one main thread.
@Suite(.serialized)
struct MainThreadTests {
  private func play(_ scene: String, loops: Int = 1, _ backend: Backend) throws -> FactSheet {
    let facts = try FactSheet(of: "main-thread", scene, backend.rawValue, "\(loops)", backend: backend)
    #expect(facts.status == 0, "\(scene)")
    #expect(facts["returned"] == "true", "\(scene)")
    return facts
  }

  /// The README's first program, whose globals are on the main actor.
  @Test(arguments: ExampleProgram.backends)
  func theMainThreadsLoopRunsTheMainQueue(_ backend: Backend) throws {
    for scene in ["main-queue", "program-main-queue"] {
      let facts = try play(scene, backend)
      #expect(facts["main-actor"] == "true")
      #expect(facts["block"] == "true")
      #expect(facts["count"] == "10000")
      #expect(facts["endless"] == "passed")
    }
  }

  @Test(arguments: ExampleProgram.backends, [1, 3])
  func aTaskThatSleepsNowAndThenDoesNotKeepTheProgram(_ backend: Backend, _ loops: Int) throws {
    let facts = try play("sleeper", loops: loops, backend)
    #expect(facts["woke-before"] == "true")
    #expect(facts["goes-on"] == "true", "at its own pace, on a thread for stragglers")
  }

  @Test(arguments: ExampleProgram.backends, [1, 3])
  func aBodyCleansUpAfterItsLoopsWereStopped(_ backend: Backend, _ loops: Int) throws {
    #expect(try play("clean-up", loops: loops, backend)["saved"] == "saved")
  }

  @Test(arguments: ExampleProgram.backends, [1, 2])
  func mainActorCodeWaitsForTheMainThread(_ backend: Backend, _ loops: Int) throws {
    let facts = try play("straggler", loops: loops, backend)
    #expect(facts["overlaps"] == "0")
    #expect(facts["ran-meanwhile"] == "0")
    #expect(facts["ran"] == "10")
  }

  @Test(arguments: ExampleProgram.backends)
  func aFailedInstallLeavesNothing(_ backend: Backend) throws {
    let facts = try play("failed-install", backend)
    #expect(facts["installed"] == nil)
    #expect(facts["left-open"] == "0")
  }

  @Test(.disabled(if: Sanitizer.isThreadSanitizer, Sanitizer.forbidsForks), arguments: ExampleProgram.backends)
  func aForkedChildCanRunALoopAndFork(_ backend: Backend) throws {
    #expect(try play("fork", backend)["grandchild"] == "exit status 7")
  }
}
