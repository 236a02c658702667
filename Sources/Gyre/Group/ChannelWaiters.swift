/// The tasks that wait in a channel, in the order in which they came. Its channel's lock is held around each call.
@usableFromInline
struct ChannelWaiters: Sendable {
  private var senders = WaitingList<ChannelWaiter>()
  private var receivers = WaitingList<ChannelWaiter>()

  @usableFromInline typealias Wake = UnsafeContinuation<ChannelWaiter.Ending, Never>

  @usableFromInline init() {}

  @usableFromInline
  mutating func addSender(_ waiter: ChannelWaiter, _ continuation: Wake) {
    waiter.continuation = continuation
    waiter.place = senders.append(waiter)
    waiter.isSender = true
  }

  @usableFromInline
  mutating func addReceiver(_ waiter: ChannelWaiter, _ continuation: Wake) {
    waiter.continuation = continuation
    waiter.place = receivers.append(waiter)
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
    _ = waiter.isSender ? senders.remove(at: waiter.place) : receivers.remove(at: waiter.place)
    return continuation
  }

  private static func takeFirst(_ waiters: inout WaitingList<ChannelWaiter>) -> Wake? {
    guard let waiter = waiters.popFirst() else { return nil }
    defer { waiter.continuation = nil }
    return waiter.continuation
  }

  private static func takeAll(_ waiters: inout WaitingList<ChannelWaiter>) -> [Wake] {
    var wakes: [Wake] = []
    while let wake = takeFirst(&waiters) { wakes.append(wake) }
    return wakes
  }
}
