@testable import Gyre

/// A driver in front of another one that injects faults, repeatably by a seed.
///
/// It keeps the driver contract itself: one terminal completion an operation, in `turn` and nowhere else.
final class FaultyDriver: Driver {
  private let inner: any Driver
  private let plan: FaultPlan
  private let log: FaultLog
  private var random: SeededGenerator
  private var turn = 0
  private var fabricated: [(due: Int, id: OperationID, result: Int32)] = []
  private var late: [LateCompletion] = []
  /// The operations whose completions are told late, and those that the driver behind this one executes for them.
  private var doubles: [UInt64: (id: OperationID, descriptor: Descriptor)] = [:]

  /// A completion kept back.
  private struct LateCompletion {
    let due: Int
    let id: OperationID
    let completion: Completion
  }

  init(_ inner: any Driver, plan: FaultPlan, log: FaultLog) {
    self.inner = inner
    self.plan = plan
    self.log = log
    random = SeededGenerator(seed: plan.seed)
  }

  var backend: Backend { inner.backend }
  var operations: OperationTable { inner.operations }
  var buffers: BufferPool { inner.buffers }
  var waker: Waker { inner.waker }
  var socketFlags: Int32 { inner.socketFlags }
  var hasDirectRoom: Bool { inner.hasDirectRoom }
  var counters: DriverCounters { inner.counters }
  var hasWork: Bool { !fabricated.isEmpty || !late.isEmpty || inner.hasWork }
  var queues: DriverQueues { inner.queues }
  var stampsCompletions: Bool {
    get { inner.stampsCompletions }
    set { inner.stampsCompletions = newValue }
  }

  /// Never, so that every send is an operation, for which there are faults.
  var isIdle: Bool { false }

  func sendNow(_ number: Int32, _ address: UnsafeRawPointer, _ count: Int) -> Int32 {
    inner.sendNow(number, address, count)
  }

  func adopt(_ descriptor: Descriptor) { inner.adopt(descriptor) }
  func forget(_ descriptor: Descriptor) { inner.forget(descriptor) }
  func wake(_ other: Waker) -> Bool { inner.wake(other) }
  func tearDown() { inner.tearDown() }

  func start(_ operation: Operation, for target: OperationTarget) -> OperationID {
    if case .close(let descriptor) = operation { noteClosing(descriptor) }
    guard let fault = chooseFault(for: operation) else { return inner.start(operation, for: target) }
    log.note(fault, operation.role)
    switch fault {
    case .error(let errno):
      let id = operations.begin(operation, for: target)
      fabricated.append((turn + 1, id, -errno.rawValue))
      return id
    case .short: return inner.start(shortened(operation), for: target)
    case .late:
      // In flight, for the target as for the table, until the late completion is told.
      let id = operations.begin(operation, for: target)
      doubles[id.rawValue] = (inner.start(operation, for: LateTarget(self, id)), operation.descriptor)
      return id
    }
  }

  func cancel(_ id: OperationID) {
    if let index = fabricated.firstIndex(where: { $0.id == id }) {
      // The fault came first: its own completion is the terminal one, as in any race.
      fabricated[index].due = turn
    } else {
      // The double may have ended, with its completion on the way.
      inner.cancel(doubles[id.rawValue]?.id ?? id)
    }
  }

  func turn(waiting nanoseconds: UInt64?) {
    turn += 1
    let isHolding = !fabricated.isEmpty || !late.isEmpty
    inner.turn(waiting: isHolding ? 0 : nanoseconds)
    deliverFabricated()
    deliverLate()
  }

  fileprivate func keepBack(_ completion: Completion, of id: OperationID) {
    // In order of arrival: a multishot's completions must not overtake one another.
    let due = max(late.last?.due ?? 0, turn + Int.random(in: 1...3, using: &random))
    late.append(LateCompletion(due: due, id: id, completion: completion))
  }

  /// Whoever closes has to have waited for the terminal completions, late ones, too.
  private func noteClosing(_ descriptor: Descriptor) {
    log.noteClosing(isEarly: doubles.values.contains { $0.descriptor == descriptor })
  }

  private func deliverFabricated() {
    let due = fabricated.filter { $0.due <= turn }
    fabricated.removeAll { $0.due <= turn }
    for next in due { _ = operations.deliver(Completion(result: next.result), to: next.id) }
  }

  private func deliverLate() {
    while let next = late.first, next.due <= turn {
      late.removeFirst()
      if !next.completion.hasMore { doubles[next.id.rawValue] = nil }
      _ = operations.deliver(next.completion, to: next.id)
    }
  }

  private func chooseFault(for operation: Operation) -> Fault? {
    if case .shutdown = operation { return nil }
    let perMille = operation.role == .accept ? plan.perMilleOfAccepts : plan.perMille
    guard Int.random(in: 0..<1000, using: &random) < perMille else { return nil }
    return plan.faults[operation.role]?.randomElement(using: &random)
  }

  private func shortened(_ operation: Operation) -> Operation {
    switch operation {
    case .send(let descriptor, let address, let count):
      .send(descriptor, address, Int.random(in: 1...count, using: &random))
    case .receiveInto(let descriptor, let address, let count):
      .receiveInto(descriptor, address, Int.random(in: 1...count, using: &random))
    default: operation
    }
  }

  /// Stands between an operation and its target, to tell of completions late.
  private final class LateTarget: OperationTarget {
    private unowned let driver: FaultyDriver
    private let id: OperationID

    init(_ driver: FaultyDriver, _ id: OperationID) {
      self.driver = driver
      self.id = id
    }

    override func operationCompleted(_ role: OperationRole, _ completion: Completion) {
      driver.keepBack(completion, of: id)
    }
  }
}
