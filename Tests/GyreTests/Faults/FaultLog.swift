@testable import Gyre

/// The faults that fired, by role: a fault that never fires tests nothing.
final class FaultLog: Sendable {
  private let counts = Locked<[OperationRole: [Fault: Int]]>([:])
  private let closings = Locked((all: 0, early: 0))

  func note(_ fault: Fault, _ role: OperationRole) {
    counts.withLock { $0[role, default: [:]][fault, default: 0] += 1 }
  }

  func noteClosing(isEarly: Bool) {
    closings.withLock {
      $0.all += 1
      if isEarly { $0.early += 1 }
    }
  }

  /// Descriptors that were closed, and those of them that an operation was in flight on.
  var closed: (all: Int, early: Int) { closings.withLock { $0 } }

  func count(_ fault: Fault, _ role: OperationRole) -> Int { counts.withLock { $0[role]?[fault] ?? 0 } }

  var total: Int { counts.withLock { $0.values.reduce(0) { $0 + $1.values.reduce(0, +) } } }

  /// The faults of a plan that have not fired.
  func missing(from plan: FaultPlan) -> [String] {
    plan.faults.flatMap { role, faults in
      faults.filter { count($0, role) == 0 }.map { "\(role): \($0)" }
    }
  }
}
