@testable import Gyre

/// A value that tasks share.
final class Shared<Value: Sendable>: Sendable {
  private let mutex: Locked<Value>

  init(_ value: Value) { mutex = Locked(value) }

  var value: Value { mutex.withLock { $0 } }

  func update(_ change: @Sendable (inout Value) -> Void) { mutex.withLock { change(&$0) } }
}
