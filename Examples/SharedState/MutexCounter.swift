import Synchronization

/// A lock around the number: right for state of more than one word, which has to be consistent in itself.
final class MutexCounter: Counter {
  let name = "Mutex"
  private let number = Mutex(0)

  func add(times count: Int, onLoop number: Int) async {
    for _ in 0..<count { self.number.withLock { $0 += 1 } }
  }

  func total() async -> Int { number.withLock { $0 } }
}
