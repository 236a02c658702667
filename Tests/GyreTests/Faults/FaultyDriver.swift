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

  /// A completion kept back. `hold` is an operation of the table that keeps the loop from ending meanwhile.
  private struct LateCompletion {
    let due: Int
    let target: OperationTarget
    let role: OperationRole
    let completion: Completion
    let hold: OperationID
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
    guard let fault = chooseFault(for: operation) else { return inner.start(operation, for: target) }
    log.note(fault, operation.role)
    switch fault {
    case .error(let errno):
      let id = operations.begin(operation, for: target)
      fabricated.append((turn + 1, id, -errno.rawValue))
      return id
    case .short: return inner.start(shortened(operation), for: target)
    case .late: return inner.start(operation, for: LateTarget(self, target))
    }
  }

  func cancel(_ id: OperationID) {
    if let index = fabricated.firstIndex(where: { $0.id == id }) {
      // The fault came first: its own completion is the terminal one, as in any race.
      fabricated[index].due = turn
    } else {
      inner.cancel(id)
    }
  }

  func turn(waiting nanoseconds: UInt64?) {
    turn += 1
    let isHolding = !fabricated.isEmpty || !late.isEmpty
    inner.turn(waiting: isHolding ? 0 : nanoseconds)
    deliverFabricated()
    deliverLate()
  }

  fileprivate func keepBack(_ target: OperationTarget, _ role: OperationRole, _ completion: Completion) {
    // In order of arrival: a multishot's completions must not overtake one another.
    let due = max(late.last?.due ?? 0, turn + Int.random(in: 1...3, using: &random))
    let hold = operations.begin(.close(.ordinary(-1)), for: OperationTarget())
    late.append(LateCompletion(due: due, target: target, role: role, completion: completion, hold: hold))
  }

  private func deliverFabricated() {
    let due = fabricated.filter { $0.due <= turn }
    fabricated.removeAll { $0.due <= turn }
    for next in due { _ = operations.deliver(Completion(result: next.result), to: next.id) }
  }

  private func deliverLate() {
    while let next = late.first, next.due <= turn {
      late.removeFirst()
      _ = operations.deliver(Completion(result: 0), to: next.hold)
      next.target.operationCompleted(next.role, next.completion)
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
    private let target: OperationTarget

    init(_ driver: FaultyDriver, _ target: OperationTarget) {
      self.driver = driver
      self.target = target
    }

    override func operationCompleted(_ role: OperationRole, _ completion: Completion) {
      driver.keepBack(target, role, completion)
    }

    override func loopStops() { target.loopStops() }
  }
}
