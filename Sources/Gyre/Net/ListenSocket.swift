import CLiburing
import DequeModule
import Glibc
import Logging
import Synchronization

// @unchecked: as `Socket`, every member is touched on the loop's thread alone.
/// The state of a listener: one multishot accept, and the accepted connections that nobody has asked for yet.
///
/// The accept belongs to the listener and not to a call: a waiting task that is cancelled merely leaves, and a connection
/// accepted meanwhile waits for the next call. Those that nobody asks for are closed with the listener.
final class ListenSocket: Socket, @unchecked Sendable {
  private var accepted: Deque<StreamSocket> = [] {
    didSet { acceptedCount.store(accepted.count, ordering: .relaxed) }
  }
  /// Those in `accepted`: written on the loop's thread, read on any.
  let acceptedCount = Atomic<Int>(0)
  private var waiters = WaiterList()
  /// Told of each accepted connection; `nil` where nobody looks.
  var observer: ListenerObserver? {
    didSet {
      loop.observers += (observer == nil ? 0 : 1) - (oldValue == nil ? 0 : 1)
      oldValue?.ended()
    }
  }
  private var accepting = OperationID.none
  private var acceptsDirect = false
  /// Other loops or processes accept from the same socket. A ring that waits for connections as a multishot stays the first
  /// in the kernel's line and is woken for every one of them, also while it is too busy to take them; with one accept
  /// at a time it goes to the end of the line each time.
  private let isShared: Bool
  private var isPausing = false
  /// Nothing is to be accepted beyond what is owed; what has been accepted is still given out.
  private var isFinishing = false
  /// Connections of the kernel's queue to accept before the end; `nil` until it is known. See `acceptOwed`.
  private var owed: Int?
  private var retry: TimerID?
  private var retryDelay = ListenSocket.firstDelay
  private var failure: Int32?
  private(set) var shortages = Shortages()

  /// Accepted connections that may wait in user space; beyond it they wait in the kernel's accept queue.
  private static let mostAccepted = 256
  /// Nanoseconds before accepting is tried again after a shortage; doubled each time up to the longest.
  private static let firstDelay: UInt64 = 5_000_000
  private static let longestDelay: UInt64 = 1_000_000_000

  init(loop: EventLoop, descriptor: Descriptor, isShared: Bool) {
    self.isShared = isShared
    super.init(loop: loop, descriptor: descriptor)
  }

  /// The next connection that is there already.
  func takeAccepted() -> StreamSocket? {
    loop.assertIsCurrent()
    return accepted.popFirst()
  }

  /// Resumes `waiter` with 1 and the descriptor in its call, or with -errno.
  func accept(_ waiter: Waiter) {
    loop.assertIsCurrent()
    if let result = isGivingOut ? nil : refusal ?? failure { return waiter.resume(result) }
    if waiter.isCancelled { return waiter.resume(-ECANCELED) }
    waiters.append(waiter)
    handOver()
    if !waiters.isEmpty { arm() }
    finishIfDone()
  }

  /// The descriptor may be closed, but what was accepted is still there.
  private var isGivingOut: Bool { isFinishing && !loop.isStopping }

  func stopAccepting() {
    guard !isFinishing, refusal == nil else { return }
    isFinishing = true
    loop.driver.cancel(accepting)
    if let retry { _ = loop.timers.remove(retry) }
    retry = nil
    retryDelay = ListenSocket.firstDelay
    if accepting == .none { acceptOwed(after: -ECANCELED) }
    finishIfDone()
  }

  /// Nothing will come any more, so the socket closes: new clients are refused, unless others listen on it. When nothing is
  /// left to give out either, this is the end.
  private func finishIfDone() {
    guard isFinishing, accepting == .none, retry == nil else { return }
    observer = nil
    closeDescriptorOnly()
    if accepted.isEmpty { waiters.resumeAll(-EBADF) }
  }

  func cancel(_ call: Call) { waiters.cancel(call) }

  override func cancelEverything(_ result: Int32) {
    loop.driver.cancel(accepting)
    if let retry { _ = loop.timers.remove(retry) }
    retry = nil
    waiters.resumeAll(result)
    discard()
    observer = nil
  }

  override func discard() {
    while let connection = accepted.popFirst() { connection.abandon() }
  }

  /// A loop's end does not tell a listener that has nothing in flight any more.
  deinit { discard() }

  override func completed(_ role: OperationRole, _ completion: Completion) {
    guard role == .accept else { return }
    if !completion.hasMore { accepting = .none }
    if completion.result >= 0 { take(completion) } else { note(-completion.result) }
    goOn(after: completion)
    handOver()
    finishIfDone()
  }

  // MARK: Accepting

  private var wantsMore: Bool { !waiters.isEmpty || accepted.count < ListenSocket.mostAccepted / 2 }

  private func goOn(after completion: Completion) {
    if completion.hasMore {
      pauseIfNeeded()
    } else if isFinishing {
      acceptOwed(after: completion.result)
    } else if wantsMore {
      arm()
    }
  }

  private func arm() {
    guard accepting == .none, retry == nil, failure == nil, refusal == nil, !isFinishing else { return }
    isPausing = false
    acceptsDirect = loop.driver.hasDirectRoom
    accepting = start(.accept(descriptor, direct: acceptsDirect, once: isShared))
  }

  /// Goes on with stopping, now that no accept is in flight, the last one having ended with `result`.
  ///
  /// The kernel wakes one waiter per connection. If that waiter is cancelled before it has accepted, the kernel wakes nobody
  /// else: the connection waits until another one happens to come. The kernel does not say whether that was so. So this
  /// listener, when it waits no more, accepts everything that is in the queue then, by accepts that are cancelled as soon as
  /// they have looked; others may take some of it. Whoever comes later wakes somebody else.
  ///
  /// While descriptors or memory are short, what waits stays in the queue and is tried again, until the listener is closed.
  private func acceptOwed(after result: Int32) {
    switch result {
    case 0... where owed != nil, -ECONNABORTED where owed != nil: owed! -= 1
    // The queue was found empty, but what was cancelled may have been woken meanwhile.
    case 0..., -ECONNABORTED, -ECANCELED, -EINTR: owed = queueLength
    case _ where ListenSocket.isShortage(-result): owed = queueLength
    default: owed = 0
    }
    guard owed! > 0, refusal == nil else { return }
    if ListenSocket.isShortage(-result) { return retryLater() }
    acceptsDirect = loop.driver.hasDirectRoom
    accepting = start(.accept(descriptor, direct: acceptsDirect, once: true))
    loop.driver.cancel(accepting)
  }

  /// Connections in the kernel's accept queue. `tcp(7)`, `TCP_INFO`
  private var queueLength: Int { (try? TCPInfo(of: descriptor.number).fields.tcpi_unacked).map(Int.init) ?? 0 }

  private func take(_ completion: Completion) {
    let descriptor = acceptsDirect ? Descriptor.direct(completion.result) : .ordinary(completion.result)
    loop.driver.adopt(descriptor)
    retryDelay = ListenSocket.firstDelay
    let connection = StreamSocket(loop: loop, descriptor: descriptor)
    guard phase == .open && !loop.isStopping else { return connection.abandon() }
    if let observer { observer.accepted(connection, completion, by: self) }
    accepted.append(connection)
  }

  /// Leaves connections in the kernel's queue while enough wait here, and goes over to ordinary descriptors while the
  /// table of direct ones is nearly full: an accept that finds it full would lose the connection.
  private func pauseIfNeeded() {
    guard !isPausing else { return }
    guard accepted.count >= ListenSocket.mostAccepted || (acceptsDirect && !loop.driver.hasDirectRoom) else { return }
    isPausing = true
    loop.driver.cancel(accepting)
  }

  private func handOver() {
    while !waiters.isEmpty, !accepted.isEmpty {
      guard let waiter = waiters.popFirst(), let connection = accepted.popFirst() else { return }
      waiter.call?.accepted = connection
      waiter.call?.observer = connection.observer
      waiter.resume(1)
    }
  }

  // MARK: Errors

  /// Every error of accept(2), decided: most are about one connection, or pass.
  private func note(_ error: Int32) {
    switch error {
    case ECANCELED, EINTR: break
    // The connection was reset in the queue, which is shorter by one now: this cannot go on for ever.
    case ECONNABORTED: break
    // This socket will never accept.
    case EBADF, EINVAL, ENOTSOCK, EFAULT:
      failure = -error
      waiters.resumeAll(-error)
    case _ where ListenSocket.isShortage(error):
      if shortages.note(at: EventLoop.now) { warn(of: Errno(rawValue: error)) }
      if !isFinishing { retryLater() }
    // Errors of the network that a new connection brings along: ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET,
    // EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT. A firewall's or a filter's EPERM. EAGAIN, where another process made
    // a socket that it shares with a ring not block.
    default: if !isFinishing { retryLater() }
    }
  }

  private static func isShortage(_ error: Int32) -> Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error) }

  private func warn(of error: Errno) {
    let address = (try? SystemSocket.localAddress(of: descriptor.number)).map { "\($0)" } ?? "a listener"
    let advice =
      switch error.rawValue {
      case EMFILE: "raise the limit of open files (`ulimit -n`)"
      case ENFILE: "raise the system’s limit of open files (`sysctl fs.file-max`)"
      default: "look at the limits of memory"
      }
    TCPListener.log.warning("\(address): connections wait, since none can be accepted: \(error); \(advice)")
  }

  /// What may last would spin if it were tried again at once. So it is tried later, and later each time; connections wait in
  /// the kernel's accept queue meanwhile.
  private func retryLater() {
    guard retry == nil, refusal == nil else { return }
    let fire = { (fired: Bool) in
      self.retry = nil
      // Nothing is in flight meanwhile that would tell this listener of the loop's stop.
      if fired { self.tryAgain() } else { self.loopStops() }
    }
    retry = loop.setTimer(at: EventLoop.now + retryDelay, .call(fire))
    retryDelay = min(retryDelay * 2, ListenSocket.longestDelay)
  }

  private func tryAgain() {
    guard isFinishing else { return arm() }
    // The queue is looked at anew: others may have taken from it.
    owed = nil
    acceptOwed(after: -ECANCELED)
    finishIfDone()
  }
}
