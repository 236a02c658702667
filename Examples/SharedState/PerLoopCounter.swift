import Synchronization

/// A number for each loop, added up by whoever asks: right for what is often changed and seldom read.
///
/// Each is changed by its loop alone, so load and store are two plain instructions; that they are atomic is for the reader,
/// who must not see half of one. Each number has cache lines of its own: beside each other, the processors would send the
/// line back and forth as if it were one number.
final class PerLoopCounter: Counter {
  /// A number with 128 bytes to itself: caches fetch lines of 64 bytes in pairs.
  private final class Slot: Sendable {
    let number = Atomic<Int>(0)
    private let padding: InlineArray<14, Int> = .init(repeating: 0)
  }

  let name = "per loop"
  private let slots: [Slot]

  init(loops: Int) { slots = (0..<loops).map { _ in Slot() } }

  func add(times count: Int, onLoop number: Int) async {
    let slot = slots[number]
    for _ in 0..<count { slot.number.store(slot.number.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
  }

  func total() async -> Int { slots.reduce(0) { $0 + $1.number.load(ordering: .relaxed) } }
}
