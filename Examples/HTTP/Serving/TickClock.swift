import Synchronization

/// A clock that somebody moves on: to read it costs no system call.
final class TickClock: Sendable {
  private let ticks = Atomic<Int>(0)

  /// Ticks in the time that a client may take for a head.
  static let ticksPerHead = 8

  var now: Int { ticks.load(ordering: .relaxed) }

  func moveOn() { ticks.add(1, ordering: .relaxed) }

  /// Ticks that a client may take.
  static func limit(_ phase: Watch.Phase) -> Int {
    switch phase {
    case .head, .lingering: ticksPerHead
    case .idle, .body, .sending: 6 * ticksPerHead
    }
  }
}
