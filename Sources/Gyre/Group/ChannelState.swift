/// What a channel holds, under its lock.
///
/// Whoever wakes a waiting task keeps for it what it waits for: room for a sender, an element for a receiver. So a woken
/// task always gets it, nobody who comes meanwhile can take it away, and a cancellation that comes after the wake has
/// lost the race. From that follow the two invariants: while senders wait there is no free room, and while receivers
/// wait there is no free element.
@usableFromInline
struct ChannelState<Element: ~Copyable & Sendable>: ~Copyable, Sendable {
  @usableFromInline var elements: BoundedQueue<Element>
  /// Places kept for senders that were woken.
  @usableFromInline var keptRoom = 0
  /// Elements kept for receivers that were woken.
  @usableFromInline var keptElements = 0
  @usableFromInline var waiters = ChannelWaiters()
  @usableFromInline var isFinished = false

  @usableFromInline typealias Wake = ChannelWaiters.Wake

  @inlinable init(capacity: Int) { elements = BoundedQueue(capacity: capacity) }

  @inlinable var count: Int { elements.count }
  @inlinable var hasFreeRoom: Bool { elements.count + keptRoom < elements.capacity }
  @inlinable var hasFreeElement: Bool { elements.count > keptElements }
  /// No element will come any more.
  @inlinable var hasEnded: Bool { isFinished && keptRoom == 0 && !hasFreeElement }

  // MARK: Elements

  /// Puts an element into free room; returns the receiver to wake.
  @inlinable mutating func append(_ element: consuming Element) -> Wake? {
    elements.append(element)
    return grantElement()
  }

  /// Puts an element into the room kept for its sender; returns the receivers to wake, and how.
  @inlinable mutating func appendKept(_ element: consuming Element) -> (granted: Wake?, finished: [Wake]) {
    keptRoom -= 1
    let granted = append(element)
    return (granted, hasEnded ? waiters.takeReceivers() : [])
  }

  /// Takes a free element; returns it with the sender to wake through `wake`.
  @inlinable mutating func removeFirst(_ wake: inout Wake?) -> Element {
    let element = elements.removeFirst()
    wake = grantRoom()
    return element
  }

  /// Takes an element kept for its receiver.
  @inlinable mutating func removeKept(_ wake: inout Wake?) -> Element {
    keptElements -= 1
    return removeFirst(&wake)
  }

  // MARK: Waiting

  /// Has a sender wait. Returns how its wait has ended, if it has.
  @inlinable mutating func addSender(_ waiter: ChannelWaiter, _ continuation: Wake) -> ChannelWaiter.Ending? {
    if waiter.isCancelled { return .cancelled }
    if isFinished { return .finished }
    if hasFreeRoom {
      keptRoom += 1
      return .granted
    }
    waiters.addSender(waiter, continuation)
    return nil
  }

  /// Has a receiver wait. Returns how its wait has ended, if it has.
  @inlinable mutating func addReceiver(_ waiter: ChannelWaiter, _ continuation: Wake) -> ChannelWaiter.Ending? {
    if hasFreeElement {
      keptElements += 1
      return .granted
    }
    if hasEnded { return .finished }
    if waiter.isCancelled { return .cancelled }
    waiters.addReceiver(waiter, continuation)
    return nil
  }

  /// Takes a waiter off, unless it has been woken; returns whom to tell.
  @inlinable mutating func cancel(_ waiter: ChannelWaiter) -> Wake? { waiters.cancel(waiter) }

  /// Takes no more elements; returns the waiters to wake.
  @inlinable mutating func finish() -> [Wake] {
    isFinished = true
    return waiters.takeSenders() + (hasEnded ? waiters.takeReceivers() : [])
  }

  @inlinable mutating func grantElement() -> Wake? {
    guard let wake = waiters.takeReceiver() else { return nil }
    keptElements += 1
    return wake
  }

  @inlinable mutating func grantRoom() -> Wake? {
    guard let wake = waiters.takeSender() else { return nil }
    keptRoom += 1
    return wake
  }
}
