import DequeModule

/// The tasks that wait in a channel, in the order in which they came. Its channel's lock is held around each call.
@usableFromInline
struct ChannelWaiters: Sendable {
  private var senders: Deque<ChannelWaiter> = []
  private var receivers: Deque<ChannelWaiter> = []

  @usableFromInline typealias Wake = UnsafeContinuation<ChannelWaiter.Ending, Never>

  @usableFromInline init() {}

  @usableFromInline
  mutating func addSender(_ waiter: ChannelWaiter, _ continuation: Wake) {
    waiter.continuation = continuation
    senders.append(waiter)
  }

  @usableFromInline
  mutating func addReceiver(_ waiter: ChannelWaiter, _ continuation: Wake) {
    waiter.continuation = continuation
    receivers.append(waiter)
  }

  /// Takes the first sender off; returns whom to wake.
  @usableFromInline
  mutating func takeSender() -> Wake? { ChannelWaiters.takeFirst(&senders) }

  /// Takes the first receiver off; returns whom to wake.
  @usableFromInline
  mutating func takeReceiver() -> Wake? { ChannelWaiters.takeFirst(&receivers) }

  /// Takes all senders off; returns whom to wake.
  @usableFromInline
  mutating func takeSenders() -> [Wake] { ChannelWaiters.takeAll(&senders) }

  /// Takes all receivers off; returns whom to wake.
  @usableFromInline
  mutating func takeReceivers() -> [Wake] { ChannelWaiters.takeAll(&receivers) }

  /// Takes a waiter off, unless it has been woken; returns whom to tell.
  @usableFromInline
  mutating func cancel(_ waiter: ChannelWaiter) -> Wake? {
    waiter.isCancelled = true
    guard let continuation = waiter.continuation else { return nil }
    waiter.continuation = nil
    senders.removeAll { $0 === waiter }
    receivers.removeAll { $0 === waiter }
    return continuation
  }

  private static func takeFirst(_ waiters: inout Deque<ChannelWaiter>) -> Wake? {
    guard let waiter = waiters.popFirst() else { return nil }
    defer { waiter.continuation = nil }
    return waiter.continuation
  }

  private static func takeAll(_ waiters: inout Deque<ChannelWaiter>) -> [Wake] {
    let wakes = waiters.compactMap(\.continuation)
    for waiter in waiters { waiter.continuation = nil }
    waiters = []
    return wakes
  }
}
