import Glibc

// @unchecked: as `Socket`, every member is touched on the loop's thread alone.
/// Waits for a child process's end through a pidfd, and reaps it, whether or not anybody asks. `pidfd_open(2)`
final class ProcessWatch: Socket, @unchecked Sendable {
  private let child: ChildDescriptor
  private var polling = OperationID.none
  /// What `waitpid(2)` said of the child, or -errno.
  private var status: Int32?
  private var waiters = WaiterList()

  /// Nanoseconds before a child is looked at again that has ended and cannot be reaped yet.
  private static let pause: UInt64 = 20_000_000

  init(loop: EventLoop, child: ChildDescriptor) {
    self.child = child
    super.init(loop: loop, descriptor: .ordinary(child.number))
  }

  /// Begins to wait. From here on the operation in flight holds the watch.
  func begin() { polling = start(.pollReceive(descriptor)) }

  /// Resumes `waiter` with the child's status once it has ended, or with -errno.
  func awaitExit(_ waiter: Waiter) {
    if let result = status ?? refusal { return waiter.resume(result) }
    if waiter.isCancelled { return waiter.resume(-ECANCELED) }
    waiters.append(waiter)
  }

  func cancel(_ call: Call) { waiters.cancel(call) }

  override var isAwaited: Bool { !waiters.isEmpty }

  override func cancelEverything(_ result: Int32) {
    loop.driver.cancel(polling)
    waiters.resumeAll(result)
  }

  override func completed(_ role: OperationRole, _ completion: Completion) {
    polling = .none
    guard phase == .open else { return }
    status = child.reap()
    if let status { waiters.resumeAll(status) }
    if status != nil || loop.isStopping { return abandon() }
    // A debugger that traces the child reaps it first, and meanwhile the descriptor is readable: not at once.
    _ = loop.setTimer(at: EventLoop.now + ProcessWatch.pause, .call { fired in self.lookAgain(fired) })
  }

  private func lookAgain(_ fired: Bool) {
    guard phase == .open else { return }
    if fired { return begin() }
    waiters.resumeAll(-ECANCELED)
    abandon()
  }
}
