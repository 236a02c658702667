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
    let loops = try (0..<2).map { _ in try EventLoop.start() }
    // Long enough that both run at once.
    let tasks = loops.map { loop in
      Task(executorPreference: loop.taskExecutor) {
        for _ in 0..<20_000 {
          memory.count += 1
          await Task.yield()
        }
      }
    }
    for task in tasks { await task.value }
    print("\(memory.count) of 40000")
  }
}
