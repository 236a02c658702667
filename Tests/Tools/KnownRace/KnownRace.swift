import Gyre

/// Two tasks, each on a loop of its own, that write the same memory without an order. The tests run it under ThreadSanitizer, to
/// know that it would tell.
@main
struct KnownRace {
  // @unchecked: wrongly, which is the point.
  private final class Memory: @unchecked Sendable {
    var count = 0
  }

  static func main() async throws {
    let memory = Memory()
    let tasks = try (0..<2).map { _ in
      let loop = try EventLoop.start()
      return Task(executorPreference: loop.taskExecutor) {
        for _ in 0..<1000 {
          memory.count += 1
          await Task.yield()
        }
      }
    }
    for task in tasks { await task.value }
    print("\(memory.count) of 2000")
  }
}
