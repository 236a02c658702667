import Measuring

/// A task that suspends and is resumed, again and again, by another one on the same executor: two suspensions a round.
enum Suspensions {
  private static let rounds = 2_000_000

  // @unchecked: both tasks run on one thread.
  private final class Baton: @unchecked Sendable {
    var waiting: UnsafeContinuation<Void, Never>?
    var isOver = false
  }

  static func measure() async -> Figures {
    let baton = Baton()
    _ = await pass(baton, rounds / 10)
    return await pass(baton, rounds)
  }

  private static func pass(_ baton: Baton, _ rounds: Int) async -> Figures {
    baton.isOver = false
    return await withTaskGroup(of: Figures?.self) { group in
      // The partner resumes whoever waits and waits itself.
      group.addTask {
        while !baton.isOver {
          await withUnsafeContinuation { mine in
            let theirs = baton.waiting
            baton.waiting = mine
            theirs?.resume()
          }
        }
        return nil
      }
      group.addTask {
        let stopwatch = Stopwatch()
        for _ in 0..<rounds {
          await withUnsafeContinuation { mine in
            let theirs = baton.waiting
            baton.waiting = mine
            theirs?.resume()
          }
        }
        let figures = stopwatch.figures(for: 2 * rounds)
        baton.isOver = true
        baton.waiting?.resume()
        baton.waiting = nil
        return figures
      }
      return await group.reduce(nil) { $0 ?? $1 }!
    }
  }
}
