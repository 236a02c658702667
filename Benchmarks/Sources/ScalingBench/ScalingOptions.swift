import Gyre

/// What the command line asks for.
struct ScalingOptions: Sendable {
  private(set) var operation: Operation
  private(set) var backend = BackendChoice.uring
  /// The others, which wait.
  private(set) var idle = 0
  /// Operations that are measured.
  private(set) var count: Int

  static let usage =
    "--operation \(Operation.allCases.map(\.rawValue).joined(separator: "|"))"
    + " [--backend uring|epoll] [--idle COUNT] [--count COUNT]"

  /// Nil for what is not understood.
  init?(_ arguments: ArraySlice<String>) {
    var values: [String: String] = [:]
    var rest = arguments
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      values[name] = value
    }
    guard let operation = values.removeValue(forKey: "--operation").flatMap(Operation.init) else { return nil }
    self.operation = operation
    count = operation.count
    for (name, value) in values {
      guard set(name, to: value) else { return nil }
    }
  }

  /// What waits at most, and some for the rest.
  var descriptors: Int { idle + 1000 }

  private mutating func set(_ name: String, to value: String) -> Bool {
    if name == "--backend" {
      guard let choice = BackendChoice(rawValue: value) else { return false }
      backend = choice
      return true
    }
    guard let number = Int(value), number >= 0 else { return false }
    switch name {
    case "--idle": idle = number
    case "--count": count = max(1, number)
    default: return false
    }
    return true
  }
}
