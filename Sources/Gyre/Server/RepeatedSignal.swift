import Synchronization

/// Tells a second request to stop from an echo of the first: a signal to a process and then to its group, as `timeout(1)`
/// sends it, is one request.
final class RepeatedSignal: Sendable {
  private let firstTime = Atomic<UInt64>(0)

  /// Nanoseconds within which a signal is the same request.
  private static let echo: UInt64 = 1_000_000_000

  /// Whether none has come before.
  func isFirst() -> Bool {
    firstTime.compareExchange(expected: 0, desired: EventLoop.now, ordering: .relaxed).exchanged
  }

  /// Whether one that is not the first is a request of its own.
  func isMeant() -> Bool { EventLoop.now - firstTime.load(ordering: .relaxed) > RepeatedSignal.echo }
}
