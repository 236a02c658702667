// One counter for connections on all threads, in four ways, and what each costs.
//
//   swift run -c release SharedState           two loops, each adding 100,000 times
//   swift run -c release SharedState 1         one loop, nobody to share with: the price of the means alone
//   swift run -c release SharedState 8 20000   more loops than processors: whoever holds the lock may be off its own
//
// What to look at: every total is right; the costs are not alike. An actor is dear for a number: each addition goes to its
// loop and back, and wakes whichever of the two sleeps. The plain variable is not in the table:
//
//   final class PlainCounter: Counter {
//     let name = "plain"
//     private var number = 0
//     func add(times count: Int, onLoop number: Int) async { for _ in 0..<count { self.number += 1 } }
//     func total() async -> Int { number }
//   }
//
// Two threads that add at the same time lose additions, and the compiler does not let it come to that:
//
//   error: stored property 'number' of 'Sendable'-conforming class 'PlainCounter' is mutable
@preconcurrency import Glibc
import Gyre

do {
  let arguments = try Arguments()
  try EventLoop.run {
    let loops = try (0..<arguments.threads).map { _ in try EventLoop.start() }
    let contest = Contest(loops: loops, count: arguments.count)
    let counters: [any Counter] = [
      MutexCounter(), AtomicCounter(), ActorCounter(on: loops[0]), PerLoopCounter(loops: loops.count),
    ]
    print("\(arguments.threads) loops, each adding \(arguments.count) times")
    for counter in counters {
      let outcome = await contest.run(counter)
      let cost = "\((outcome.nanoseconds * 10).rounded() / 10) ns"
      print("\(pad(outcome.name, 8))  total \(pad("\(outcome.total)", 10))  an addition takes \(cost)")
    }
    for loop in loops { await loop.shutdown() }
  }
} catch {
  fputs("sharedstate: \(error)\n", stderr)
  exit(1)
}

/// The text with blanks behind it, so that columns stand below each other.
func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(width - text.count, 0))
}
