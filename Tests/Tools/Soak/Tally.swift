import Synchronization

/// What the traffic did, counted by all clients.
final class Counts: Sendable {
  private let tally = Mutex(Tally())

  func add(_ change: (inout Tally) -> Void) { tally.withLock { change(&$0) } }

  var now: Tally { tally.withLock { $0 } }
}

struct Tally: Sendable {
  var connects = 0
  var cancels = 0
  /// What was done beside connections.
  var others = 0
  var bytes = 0
  var wrong = 0
  var failures: [String] = []
}
