import Synchronization

/// One word that the processor changes in one step: right for a number, a flag, a pointer.
final class AtomicCounter: Counter {
  let name = "Atomic"
  private let number = Atomic<Int>(0)

  func add(times count: Int, onLoop number: Int) async {
    for _ in 0..<count { self.number.add(1, ordering: .relaxed) }
  }

  func total() async -> Int { number.load(ordering: .relaxed) }
}
