import Gyre
import Testing

/// Where the parts of a program run when Gyre is its executor. Each test runs a program: a process has one executor.
@Suite(.serialized)
struct GlobalExecutorTests {
  private static let places = ["body", "task", "detached", "actor", "main-actor", "child", "group", "after-sleep"]

  @Test(arguments: ExampleProgram.backends)
  func everythingRunsOnTheMainThread(_ backend: Backend) throws {
    let facts = try FactSheet(of: "whole-program", "1", backend == .uring ? "uring" : "epoll", backend: backend)
    #expect(facts.status == 0)
    try #require(facts["available"] == "true")
    let main = try #require(facts["main"])
    for place in GlobalExecutorTests.places { #expect(facts[place] == main, "\(place)") }
    #expect(facts["on-loop"] == "true")
    #expect(facts["slept-long-enough"] == "true")
    #expect(facts["sleep-is-cancelled"] == "true")
    #expect(facts["echo"] == "there and back")
    #expect(facts["spread"] == "1")
    #expect(facts["threads"] == "1", "no pool, no timer thread")
    #expect(facts["answer"] == "42")
    #expect(facts["second"] == "true", "the executor is installed once")
  }

  @Test(arguments: ExampleProgram.backends)
  func aProgramCanHaveSeveralLoops(_ backend: Backend) throws {
    let facts = try FactSheet(of: "whole-program", "3", backend == .uring ? "uring" : "epoll", backend: backend)
    #expect(facts.status == 0)
    let main = try #require(facts["main"])
    #expect(facts["main-actor"] == main)
    #expect(facts["on-loop"] == "true")
    #expect(facts["slept-long-enough"] == "true")
    #expect(facts["echo"] == "there and back")
    #expect(facts["loop-threads"] == "2", "beside the main thread")
    #expect(facts["answer"] == "42")
  }

  @Test(arguments: ExampleProgram.backends)
  func anAsyncMainRunsOnGyre(_ backend: Backend) throws {
    let facts = try FactSheet(of: "async-program", backend: backend)
    #expect(facts.status == 0)
    let main = try #require(facts["main"])
    #expect(facts["main-is-first"] == "true")
    for place in ["task", "detached", "after-sleep"] { #expect(facts[place] == main, "\(place)") }
    #expect(facts["on-loop"] == "true")
    #expect(facts["received"] == "hello")
    #expect(facts["run"] == "true", "refused on a loop's thread")
    #expect(facts["saved"] == "saved")
  }
}
