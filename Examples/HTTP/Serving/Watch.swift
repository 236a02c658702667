import Gyre
import Synchronization

/// What a connection waits for, and since when: set by the connection at no cost, looked at by `Watchman` now and then.
final class Watch: Sendable {
  enum Phase: UInt8 {
    /// Nothing is asked for: the client may be silent for a while.
    case idle
    case head
    /// A piece of it, as for what is sent.
    case body
    case sending
    /// The last answer has been sent, and the client is given time to read it.
    case lingering
  }

  let connection: TCPConnection
  private let clock: TickClock
  private let phaseNumber = Atomic<UInt8>(Phase.idle.rawValue)
  private let since: Atomic<Int>

  init(_ connection: TCPConnection, _ clock: TickClock) {
    self.connection = connection
    self.clock = clock
    since = Atomic(clock.now)
  }

  var phase: Phase { Phase(rawValue: phaseNumber.load(ordering: .relaxed))! }

  /// Begins to wait, anew if it is for the same. After the last answer nothing begins.
  func begin(_ phase: Phase) {
    if self.phase == .lingering { return }
    phaseNumber.store(phase.rawValue, ordering: .relaxed)
    since.store(clock.now, ordering: .relaxed)
  }

  /// Whether the client has been waited for long enough.
  var isOver: Bool { clock.now - since.load(ordering: .relaxed) > TickClock.limit(phase) }
}
