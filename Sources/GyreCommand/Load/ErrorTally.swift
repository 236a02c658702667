import Gyre

/// Errors, counted by kind.
struct ErrorTally: Sendable {
  /// How many of each kind.
  private(set) var kinds: [String: Int] = [:]

  /// How many of every kind.
  var total: Int { kinds.values.reduce(0, +) }

  /// Counts an error. The address in it does not make a kind of its own.
  mutating func count(_ error: any Error) {
    let kind = (error as? SocketError).map { "\($0.operation.rawValue): \($0.errno)" } ?? "\(error)"
    kinds[kind, default: 0] += 1
  }
}
