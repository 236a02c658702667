import CLiburing
import Glibc

/// What a supervisor's thread waits for: descriptors that become readable, and times.
///
/// An epoll set and a heap: what merely waits costs nothing. `poll(2)` is no choice, since it refuses more entries than the
/// process may open files, also if that limit is lowered meanwhile. Used on one thread. `epoll(7)`
final class WaitSet {
  private let descriptor: Int32
  private var handlers: [Int32: () -> Void] = [:]
  private var timers = TimerHeap()

  /// Descriptors, and times, that one turn looks at. The others come in the next one.
  private static let mostAtOnce = 64

  init() throws(Errno) {
    let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    if descriptor < 0 { throw Errno.current }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Calls `handler` when a descriptor becomes readable, until it is removed; it has to be removed before it is closed.
  ///
  /// - Parameter isRepeated: also in each turn in which it still is readable.
  /// - Throws: the `Errno` of `epoll_ctl(2)`.
  func add(_ number: Int32, isRepeated: Bool = false, _ handler: @escaping () -> Void) throws(Errno) {
    let events = isRepeated ? EPOLLIN.rawValue : EPOLLIN.rawValue | EPOLLET.rawValue
    var event = epoll_event(events: events, data: epoll_data_t(fd: number))
    guard epoll_ctl(descriptor, EPOLL_CTL_ADD, number, &event) == 0 else { throw Errno.current }
    handlers[number] = handler
  }

  func remove(_ number: Int32) {
    guard handlers.removeValue(forKey: number) != nil else { return }
    epoll_ctl(descriptor, EPOLL_CTL_DEL, number, nil)
  }

  /// Calls `body` when a time has come, in nanoseconds of `CLOCK_MONOTONIC`.
  func insert(at time: UInt64, _ body: @escaping () -> Void) -> TimerID {
    timers.insert(at: time, .call { _ in body() })
  }

  func remove(_ timer: TimerID) { _ = timers.remove(timer) }

  /// Waits until something is readable or due, and calls what waits for it.
  ///
  /// - Parameter body: called after the wait, before all others.
  /// - Throws: the `Errno` of `epoll_wait(2)`; an interruption is none.
  func turn(_ body: () -> Void) throws(Errno) {
    var events = [epoll_event](repeating: epoll_event(), count: WaitSet.mostAtOnce)
    let count = epoll_wait(descriptor, &events, Int32(events.count), timeout)
    if count < 0 && errno != EINTR { throw Errno.current }
    body()
    // One that was removed by another one's handler is not called any more. One that has got the same number since may be
    // called for nothing, which each of them bears.
    for event in events.prefix(Int(max(count, 0))) { handlers[event.data.fd]?() }
    let now = EventLoop.now
    for _ in 0..<WaitSet.mostAtOnce { timers.removeDue(at: now)?.fire() }
  }

  /// Milliseconds until something is due; -1 if nothing is.
  private var timeout: Int32 {
    guard let next = timers.nextDeadline else { return -1 }
    let now = EventLoop.now
    return next <= now ? 0 : Int32(clamping: (next - now) / 1_000_000 + 1)
  }
}
