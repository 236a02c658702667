import Testing

@testable import Gyre

/// Identifiers: a late completion or cancel finds nothing, and never a newer operation in the same slot.
struct OperationTableTests {
  private final class Target: OperationTarget {
    var completions: [Int32] = []
    override func operationCompleted(_ role: OperationRole, _ completion: Completion) {
      completions.append(completion.result)
    }
  }

  @Test func aStaleIdentifierNeverReachesANewerOperation() {
    let table = OperationTable(capacity: 2)
    let (old, new) = (Target(), Target())
    let first = table.begin(.receive(.ordinary(3), bundles: false, bounded: false), for: old)
    #expect(table.deliver(Completion(result: 1, hasMore: true), to: first))
    #expect(table.deliver(Completion(result: 0), to: first))
    let second = table.begin(.receive(.ordinary(3), bundles: false, bounded: false), for: new)
    #expect(second.slot == first.slot && second.generation != first.generation)
    #expect(!table.isInFlight(first) && table.descriptor(of: first) == nil)
    #expect(!table.deliver(Completion(result: 99), to: first))
    #expect(old.completions == [1, 0] && new.completions.isEmpty)
    #expect(table.strays == 1 && table.inFlight == 1)
    #expect(table.deliver(Completion(result: 0), to: second))
  }

  @Test func theTargetLivesUntilTheTerminalCompletion() {
    let table = OperationTable(capacity: 1)
    weak var target: Target?
    var ids: [OperationID] = []
    do {
      let held = Target()
      target = held
      // More than the first block has room for.
      for _ in 0..<10 { ids.append(table.begin(.close(.ordinary(3)), for: held)) }
    }
    #expect(target != nil && Set(ids.map(\.slot)).count == 10)
    for id in ids {
      #expect(target != nil)
      _ = table.deliver(Completion(result: 0), to: id)
    }
    #expect(target == nil && table.inFlight == 0)
  }

  /// It keeps no reference to itself: what keeps it is the operation that it starts while the last one ends.
  @Test func theTargetLivesOnIfItsLastCompletionStartsAnotherOperation() {
    let table = OperationTable()
    weak var target: Restarting?
    do {
      let held = Restarting(table)
      target = held
      held.start()
    }
    for _ in 0..<Restarting.operations {
      #expect(target?.operationsInFlight == 1)
      guard let id = target?.id else { return }
      #expect(table.deliver(Completion(result: 0), to: id))
    }
    #expect(target == nil && table.inFlight == 0)
  }

  private final class Restarting: OperationTarget {
    static let operations = 3
    private let table: OperationTable
    private(set) var id = OperationID.none
    private var left = operations

    init(_ table: OperationTable) { self.table = table }

    func start() {
      left -= 1
      id = table.begin(.close(.ordinary(3)), for: self)
    }

    override func operationCompleted(_ role: OperationRole, _ completion: Completion) {
      if left > 0 { start() }
    }
  }

  @Test func noOperationHasTheIdentifierNone() {
    #expect(!OperationTable().isInFlight(.none))
  }
}
