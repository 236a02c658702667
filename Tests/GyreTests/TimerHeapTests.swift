import Testing

@testable import Gyre

/// The heap against a sorted list, over random insertions, removals and expiries.
struct TimerHeapTests {
  @Test(arguments: [1, 2, 3, 20_261_123] as [UInt64])
  func itAgreesWithASortedList(_ seed: UInt64) {
    print("timer heap seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var heap = TimerHeap()
    var model: [(deadline: UInt64, age: Int, id: TimerID)] = []
    var fired: [Int] = []
    for age in 0..<5000 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        let deadline = UInt64.random(in: 0..<1000, using: &random)
        let id = heap.insert(at: deadline, .call { _ in fired.append(age) })
        model.append((deadline, age, id))
      case 2 where !model.isEmpty:
        let index = Int.random(in: 0..<model.count, using: &random)
        let removed = model.remove(at: index)
        #expect(heap.remove(removed.id) != nil)
        #expect(heap.remove(removed.id) == nil, "an identifier is good for one removal")
      default:
        let now = UInt64.random(in: 0..<1000, using: &random)
        model.sort { ($0.deadline, $0.age) < ($1.deadline, $1.age) }
        let due = model.first.flatMap { $0.deadline <= now ? $0.age : nil }
        fired = []
        heap.removeDue(at: now)?.fire()
        #expect(fired == (due.map { [$0] } ?? []))
        if due != nil { model.removeFirst() }
      }
      #expect(heap.count == model.count)
    }
    #expect(heap.nextDeadline == model.map(\.deadline).min())
  }
}
