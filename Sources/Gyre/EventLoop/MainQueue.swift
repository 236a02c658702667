import CLiburing
import Glibc
import Logging
import Synchronization

// @unchecked: touched on the loop's thread alone, as any target of operations.
/// Runs Dispatch's main queue on a loop that has the main thread: blocks of `DispatchQueue.main`, and the main actor's jobs,
/// which the stock executor puts there.
///
/// libdispatch has an eventfd for CoreFoundation's run loop, which is readable when the queue has something, and a function
/// that runs it. The loop polls the one and calls the other. Other loops know nothing of it.
final class MainQueue: OperationTarget, @unchecked Sendable {
  private let loop: EventLoop
  /// libdispatch's, which never closes it.
  private let descriptor: Int32
  private var polling = OperationID.none
  private var hasEnded = false

  private static let saidWhy = Atomic<Bool>(false)

  /// `nil` if the calling thread is not the main one, or there is no main queue to run.
  init?(loop: EventLoop) {
    guard gyre_thread_number() == getpid() else { return nil }
    descriptor = gyre_main_queue_descriptor()
    self.loop = loop
    super.init()
    guard descriptor >= 0 else {
      if descriptor == -1 { MainQueue.sayOnce("there is no libdispatch that Gyre knows") }
      return nil
    }
    poll()
  }

  /// Stops polling.
  func end() {
    loop.assertIsCurrent()
    hasEnded = true
    loop.driver.cancel(polling)
  }

  override func operationCompleted(_ role: OperationRole, _ completion: Completion) {
    loop.assertIsCurrent()
    polling = .none
    guard !hasEnded, completion.result != -ECANCELED else { return }
    guard completion.result >= 0 else {
      return MainQueue.sayOnce("polling it failed: \(Errno(rawValue: -completion.result))")
    }
    // The queue's blocks are code of the program's, which does not run while completions are reaped.
    loop.performLater { self.drain() }
  }

  /// Runs what is in the queue, and not what that puts there.
  private func drain() {
    loop.assertIsCurrent()
    loop.jobWatch?.begin()
    gyre_main_queue_drain(descriptor)
    loop.jobWatch?.end()
    if !hasEnded { poll() }
  }

  private func poll() { polling = loop.start(.pollReceive(.ordinary(descriptor)), for: self) }

  private static func sayOnce(_ reason: String) {
    guard !saidWhy.exchange(true, ordering: .relaxed) else { return }
    Logger(label: "gyre").notice("the main thread's loop does not run the main queue, nor @MainActor code: \(reason)")
  }

  /// Puts work into the main queue, where it waits until somebody runs that: a loop on the main thread, `dispatchMain()`, a run
  /// loop. From any thread. False where there is no Dispatch.
  static func append(_ work: @escaping @Sendable () -> Void) -> Bool {
    let box = Unmanaged.passRetained(Box(work))
    // The queue calls the function once, which takes the reference over.
    let isAppended = gyre_main_queue_append(box.toOpaque()) { context in
      Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().work()
    }
    if !isAppended { box.release() }
    return isAppended
  }

  private final class Box: Sendable {
    let work: @Sendable () -> Void

    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }
}
