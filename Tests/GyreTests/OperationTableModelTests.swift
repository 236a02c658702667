import Testing

@testable import Gyre

/// Operations that start and end at random, against a model.
struct OperationTableModelTests {
  private final class Target: OperationTarget {}

  /// Random starts and ends against a model, over several growths; each target is held until its terminal completion.
  @Test(arguments: [1, 2, 3])
  func itAgreesWithADictionary(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let table = OperationTable(capacity: 2)
    var model: [UInt64: (number: Int32, target: Weak)] = [:]
    var ended: [OperationID] = []
    for step in 0..<5000 {
      if model.isEmpty || Int.random(in: 0..<100, using: &random) < (step < 2500 ? 60 : 40) {
        let (target, number) = (Target(), Int32(step))
        let id = table.begin(.receive(.ordinary(number), bundles: false, bounded: false), for: target)
        #expect(
          model.updateValue((number, Weak(target)), forKey: id.rawValue) == nil,
          "an identifier twice: seed \(seed)"
        )
      } else {
        let (key, entry) = model.randomElement(using: &random)!
        let id = OperationID(rawValue: key)
        #expect(table.descriptor(of: id) == entry.number && entry.target.value != nil)
        #expect(table.deliver(Completion(result: 0), to: id))
        #expect(entry.target.value == nil)
        model[key] = nil
        ended.append(id)
      }
      #expect(table.inFlight == model.count)
    }
    #expect(ended.allSatisfy { !table.isInFlight($0) })
    for key in model.keys { _ = table.deliver(Completion(result: 0), to: OperationID(rawValue: key)) }
    #expect(table.inFlight == 0 && table.targets.isEmpty)
  }

  private struct Weak {
    weak var value: Target?
    init(_ value: Target) { self.value = value }
  }
}
