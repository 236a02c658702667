import DequeModule

/// What a channel holds, under its lock.
///
/// Whoever wakes a waiting task keeps for it what it waits for: room for a sender, an element for a receiver. So a woken
/// task always gets it, nobody who comes meanwhile can take it away, and a cancellation that comes after the wake has
/// lost the race. From that follow the two invariants: while senders wait there is no free room, and while receivers
/// wait there is no free element.
struct ChannelState<Element: ~Copyable & Sendable>: ~Copyable, Sendable {
  private var elements: BoundedQueue<Element>
  /// Places kept for senders that were woken.
  private var keptRoom = 0
  /// Elements kept for receivers that were woken.
  private var keptElements = 0
  private var senders: Deque<ChannelWaiter> = []
  private var receivers: Deque<ChannelWaiter> = []
  private(set) var isFinished = false

  typealias Wake = UnsafeContinuation<ChannelWaiter.Ending, Never>

  init(capacity: Int) { elements = BoundedQueue(capacity: capacity) }

  var count: Int { elements.count }
  var hasFreeRoom: Bool { elements.count + keptRoom < elements.capacity }
  var hasFreeElement: Bool { elements.count > keptElements }
  /// No element will come any more.
  var hasEnded: Bool { isFinished && keptRoom == 0 && !hasFreeElement }

  // MARK: Elements

  /// Puts an element into free room; returns the receiver to wake.
  mutating func append(_ element: consuming Element) -> Wake? {
    elements.append(element)
    return grantElement()
  }

  /// Puts an element into the room kept for its sender; returns the receivers to wake, and how.
  mutating func appendKept(_ element: consuming Element) -> (granted: Wake?, finished: [Wake]) {
    keptRoom -= 1
    let granted = append(element)
    return (granted, hasEnded ? ChannelState.takeAll(&receivers) : [])
  }

  /// Takes a free element; returns it with the sender to wake through `wake`.
  mutating func removeFirst(_ wake: inout Wake?) -> Element {
    let element = elements.removeFirst()
    wake = grantRoom()
    return element
  }

  /// Takes an element kept for its receiver.
  mutating func removeKept(_ wake: inout Wake?) -> Element {
    keptElements -= 1
    return removeFirst(&wake)
  }

  // MARK: Waiting

  /// Has a sender wait. Returns how its wait has ended, if it has.
  mutating func addSender(_ waiter: ChannelWaiter, _ continuation: Wake) -> ChannelWaiter.Ending? {
    if waiter.isCancelled { return .cancelled }
    if isFinished { return .finished }
    if hasFreeRoom {
      keptRoom += 1
      return .granted
    }
    waiter.continuation = continuation
    senders.append(waiter)
    return nil
  }

  /// Has a receiver wait. Returns how its wait has ended, if it has.
  mutating func addReceiver(_ waiter: ChannelWaiter, _ continuation: Wake) -> ChannelWaiter.Ending? {
    if hasFreeElement {
      keptElements += 1
      return .granted
    }
    if hasEnded { return .finished }
    if waiter.isCancelled { return .cancelled }
    waiter.continuation = continuation
    receivers.append(waiter)
    return nil
  }

  /// Takes a waiter off, unless it has been woken; returns whom to tell.
  mutating func cancel(_ waiter: ChannelWaiter) -> Wake? {
    waiter.isCancelled = true
    guard let continuation = waiter.continuation else { return nil }
    waiter.continuation = nil
    senders.removeAll { $0 === waiter }
    receivers.removeAll { $0 === waiter }
    return continuation
  }

  /// Takes no more elements; returns the waiters to wake.
  mutating func finish() -> [Wake] {
    isFinished = true
    return ChannelState.takeAll(&senders) + (hasEnded ? ChannelState.takeAll(&receivers) : [])
  }

  private mutating func grantElement() -> Wake? {
    guard let receiver = receivers.popFirst() else { return nil }
    keptElements += 1
    defer { receiver.continuation = nil }
    return receiver.continuation
  }

  private mutating func grantRoom() -> Wake? {
    guard let sender = senders.popFirst() else { return nil }
    keptRoom += 1
    defer { sender.continuation = nil }
    return sender.continuation
  }

  private static func takeAll(_ waiters: inout Deque<ChannelWaiter>) -> [Wake] {
    let wakes = waiters.compactMap(\.continuation)
    for waiter in waiters { waiter.continuation = nil }
    waiters = []
    return wakes
  }
}
