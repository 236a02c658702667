import Testing

@testable import Gyre

/// The list against an array that does the same slowly.
@Suite struct WaitingListTests {
  @Test(arguments: [1, 7, 42])
  func itDoesWhatAnArrayDoes(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var list = WaitingList<Int>()
    var model: [(place: Int, element: Int)] = []
    for step in 0..<5000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5: model.append((list.append(step), step))
      case 5..<7:
        #expect(list.popFirst() == model.first?.element)
        if !model.isEmpty { model.removeFirst() }
      case 7..<9:
        guard let index = model.indices.randomElement(using: &random) else { continue }
        let entry = model.remove(at: index)
        #expect(list.remove(at: entry.place) == entry.element)
        #expect(list.remove(at: entry.place) == nil)
      default:
        let rest = Int.random(in: 0..<7, using: &random)
        #expect(list.removeAll { $0 % 7 == rest } == model.map(\.element).filter { $0 % 7 == rest })
        model.removeAll { $0.element % 7 == rest }
      }
      #expect(list.count == model.count && list.isEmpty == model.isEmpty)
    }
    #expect(Set(model.map(\.place)).count == model.count)
  }

  @Test func placesAreUsedAgain() {
    var list = WaitingList<Int>()
    _ = list.append(0)
    for element in 1...1000 { #expect(list.remove(at: list.append(element)) == element) }
    #expect(list.append(1001) == 1)
  }
}
