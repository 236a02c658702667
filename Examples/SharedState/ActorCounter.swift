import Gyre

/// An actor that lives on one of the loops: right for state with rules, used by code that may suspend. Each call from
/// another loop goes there and back, which takes two queues and perhaps two wake-ups.
actor ActorCounter: Counter {
  nonisolated let name = "actor"
  private let executor: LoopSerialExecutor
  private var number = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(on loop: EventLoop) { executor = loop.serialExecutor }

  nonisolated func add(times count: Int, onLoop number: Int) async {
    let home = EventLoop.current
    for _ in 0..<count {
      await add()
      // A connection has something to do on its own loop; if nothing had, the compiler would leave out the way back.
      precondition(home?.isCurrent ?? true, "a task that prefers a loop comes back to it")
    }
  }

  private func add() { number += 1 }

  func total() -> Int { number }
}
