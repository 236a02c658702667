/// A bounded queue between tasks, on the same loop or on different ones.
///
/// Any number of tasks may send and receive. Elements come out in the order in which they went in; each goes to exactly one
/// receiver, and tasks that wait are served in the order in which they came. When the channel is full, `send` suspends
/// until there is room: a slow receiver slows its senders down. Elements may be not copyable.
///
/// A cancelled task gets what is there without waiting for some time still, at most 1,024 elements; it does not wait any more.
///
/// A call that need not wait costs one short lock. A task that waits is woken through its loop: while that loop is busy this
/// takes no system call, and however many elements follow, a task is woken once. A parked loop is woken by
/// `IORING_OP_MSG_RING`, which travels with the sender's next submissions, where both are io_uring loops and the kernel
/// has it; by a write to an eventfd otherwise. `io_uring_prep_msg_ring(3)`, `eventfd(2)`
///
/// ```swift
/// let numbers = Channel<Int>(capacity: 64)
/// group.startTask {
///   for number in 0..<1000 { try await numbers.send(number) }
///   numbers.finish()
/// }
/// while let number = try await numbers.receive() { print(number) }
/// ```
public final class Channel<Element: ~Copyable & Sendable>: Sendable {
  /// The most elements that wait in the channel.
  public let capacity: Int

  @usableFromInline let state: Locked<ChannelState<Element>>

  /// Makes an empty channel. The memory for its elements is allocated here, for 1,024 at most: a larger channel gets more when
  /// more wait.
  ///
  /// - Parameter capacity: the most elements that wait in it: 1 or more.
  @inlinable
  public init(capacity: Int) {
    if capacity < 1 { fatalError("a channel of capacity \(capacity): use 1 or more") }
    self.capacity = capacity
    state = Locked(ChannelState(capacity: capacity))
  }

  /// The elements that wait in the channel now.
  @inlinable
  public var count: Int { state.withLock { $0.count } }

  /// Whether `finish` was called.
  @inlinable
  public var isFinished: Bool { state.withLock { $0.isFinished } }

  // MARK: Sending

  /// Sends an element, suspending while the channel is full.
  ///
  /// - Throws: `ChannelFinishedError` if the channel is finished; `CancellationError` if the task was cancelled before there
  ///   was room. When it throws, the element was not sent; when it returns, it was, whatever was cancelled meanwhile.
  @inlinable
  public func send(_ element: consuming Element) async throws {
    if !EventLoop.mayTakeAtOnce { try await pause() }
    guard let element = try trySend(element) else { return }
    let waiter = ChannelWaiter()
    let ending = await wait(waiter) { $0.addSender(waiter, $1) }
    switch ending {
    case .granted: sendGranted(element)
    case .finished: throw ChannelFinishedError()
    case .cancelled: throw CancellationError()
    }
  }

  /// Sends an element if there is room, and returns it if there is none. Never suspends; from any thread.
  ///
  /// - Throws: `ChannelFinishedError` if the channel is finished.
  @inlinable
  public func trySend(_ element: consuming Element) throws -> Element? {
    var unsent: Element? = element
    var wake: ChannelState<Element>.Wake?
    let isFinished = state.withLock { state in
      if state.isFinished { return true }
      if state.hasFreeRoom { wake = state.append(unsent.take()!) }
      return false
    }
    wake?.resume(returning: .granted)
    if isFinished { throw ChannelFinishedError() }
    return unsent
  }

  @inlinable
  func sendGranted(_ element: consuming Element) {
    var element: Element? = element
    let (granted, finished) = state.withLock { $0.appendKept(element.take()!) }
    granted?.resume(returning: .granted)
    for waiter in finished { waiter.resume(returning: .finished) }
  }

  /// Ends the channel: nothing more can be sent. Receivers get what is in it, and then `nil`. Tasks that wait to send get
  /// `ChannelFinishedError`. From any thread, any number of times.
  @inlinable
  public func finish() {
    let waiters = state.withLock { $0.finish() }
    for waiter in waiters { waiter.resume(returning: .finished) }
  }

  // MARK: Receiving

  /// Receives the next element, suspending until there is one. `nil` once the channel is finished and empty.
  ///
  /// - Throws: `CancellationError` if the task was cancelled before there was an element. An element is never lost by that:
  ///   either this call returns it or it stays for the next.
  @inlinable
  public func receive() async throws -> Element? {
    if !EventLoop.mayTakeAtOnce { try await pause() }
    var hasEnded = false
    if let element = takeFree(&hasEnded) { return element }
    if hasEnded { return nil }
    let waiter = ChannelWaiter()
    switch await wait(waiter, { $0.addReceiver(waiter, $1) }) {
    case .granted: return takeKept()
    case .finished: return nil
    case .cancelled: throw CancellationError()
    }
  }

  /// Receives an element if there is one. Never suspends; from any thread.
  @inlinable
  public func tryReceive() -> Element? {
    var hasEnded = false
    return takeFree(&hasEnded)
  }

  @inlinable
  func takeFree(_ hasEnded: inout Bool) -> Element? {
    var wake: ChannelState<Element>.Wake?
    let element: Element? = state.withLock { state in
      hasEnded = state.hasEnded
      return state.hasFreeElement ? state.removeFirst(&wake) : nil
    }
    wake?.resume(returning: .granted)
    return element
  }

  @inlinable
  func takeKept() -> Element {
    var wake: ChannelState<Element>.Wake?
    let element = state.withLock { $0.removeKept(&wake) }
    wake?.resume(returning: .granted)
    return element
  }

  // MARK: Waiting

  /// A task for which there is always an element, or always room, must not keep its loop, and has to hear of its cancellation.
  /// Asking for that at each call would take as long as all else: a loop's tasks ask now and then, others each time.
  @usableFromInline
  func pause() async throws {
    if EventLoop.current != nil { await Task.yield() }
    try Task.checkCancellation()
  }

  @inlinable
  func wait(
    _ waiter: ChannelWaiter,
    _ add: (inout ChannelState<Element>, ChannelState<Element>.Wake) -> ChannelWaiter.Ending?
  ) async -> ChannelWaiter.Ending {
    let ending = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let ending = state.withLock { add(&$0, continuation) }
        if let ending { continuation.resume(returning: ending) }
      }
    } onCancel: {
      let waiting = state.withLock { $0.cancel(waiter) }
      waiting?.resume(returning: .cancelled)
    }
    noteResumed()
    return ending
  }
}

extension Channel: AsyncSequence {
  /// Receives the channel's elements for a `for try await` loop.
  public struct Iterator: AsyncIteratorProtocol {
    @usableFromInline let channel: Channel<Element>

    @inlinable
    init(channel: Channel<Element>) { self.channel = channel }

    /// As `Channel.receive()`.
    @inlinable
    public func next() async throws -> Element? { try await channel.receive() }
  }

  /// An iterator; several share the elements out among themselves.
  @inlinable
  public func makeAsyncIterator() -> Iterator { Iterator(channel: self) }
}
