import CLiburing
import Glibc

/// A copy of this process that works on a frozen image of its memory while the process itself goes on. `fork(2)`
///
/// The two share every page until one of them writes to it, so the copy costs little, and what it sees is consistent: it
/// is how a database writes a snapshot of its memory without stopping. What it costs is the call itself, which copies the
/// page tables while the loop waits (some milliseconds for a gigabyte), and a page fault and a copy for each page that is
/// written to meanwhile. The loop's rings and receive buffers are not copied.
///
/// ```swift
/// let child = try ForkedChild.start { writeImage() ? 0 : 1 }
/// let exit = try await child.exit()
/// ```
public final class ForkedChild: Sendable {
  /// The child's number.
  public let processID: Int32
  /// How long the loop was stopped by `fork(2)`.
  public let forkDuration: Duration

  let watch: LoopBound<ProcessWatch>

  /// Watches a child that is there already. On the loop's thread.
  ///
  /// - Throws: `ForkError` if the kernel gives no pidfd; the child has been ended then, since nobody would hear of it again.
  init(watching processID: Int32, forkDuration: Duration, on loop: EventLoop) throws(ForkError) {
    let descriptor: ChildDescriptor
    do throws(Errno) {
      descriptor = try ChildDescriptor(of: processID)
    } catch {
      throw .system(error)
    }
    self.processID = processID
    self.forkDuration = forkDuration
    watch = LoopBound(ProcessWatch(loop: loop, child: descriptor))
    watch.onLoop.begin()
  }

  /// Forks the process. The child runs `body` and exits with its result; the caller goes on at once.
  ///
  /// The process has to have no other thread, which is so in a program whose one loop is run by `EventLoop.run` on the
  /// main thread. The child has no event loop and none of the process's descriptors, except the standard ones: `body` has
  /// to be plain synchronous code, and opens what it needs itself. It dies with the process. Its end is noticed, and the
  /// child reaped, by the caller's loop.
  ///
  /// - Parameter body: runs in the child only; its result, 0 to 255, becomes the exit status.
  /// - Throws: `ForkError`: the caller is on no loop, there are other threads, or the kernel refused.
  public static func start(_ body: () -> Int32) throws(ForkError) -> ForkedChild {
    guard let loop = EventLoop.current else { throw .noLoop }
    let others = OtherThreads.names()
    guard others.isEmpty else { throw .threads(others) }
    ChildDescriptor.keepEndedChildren()
    let parent = getpid()
    let started = ContinuousClock.now
    let process = gyre_fork()
    if process == 0 { run(body, childOf: parent) }
    let duration = ContinuousClock.now - started
    guard process > 0 else { throw .system(.current) }
    return try ForkedChild(watching: process, forkDuration: duration, on: loop)
  }

  /// Waits until the child has ended.
  ///
  /// - Throws: `CancellationError` if the task was cancelled first or the loop stopped, which both leave the child alone;
  ///   `ForkError` with `ECHILD` if somebody else has reaped it.
  public func exit() async throws -> ProcessExit {
    let call = Call()
    let result = await watch.call(call) {
      $0.awaitExit($1)
    } cancel: {
      $0.cancel(call)
    }
    if result >= 0 { return ProcessExit(status: result) }
    if result == -ECANCELED || result == -ESHUTDOWN { throw CancellationError() }
    throw ForkError.system(Errno(rawValue: -result))
  }

  private static func run(_ body: () -> Int32, childOf parent: pid_t) -> Never {
    gyre_set_current_loop(nil)
    _ = gyre_end_with_parent(SIGKILL)
    // It may have died before that call.
    if getppid() != parent { _exit(1) }
    // The ring, the listeners and the connections are the parent's: kept open here, they would outlive it.
    closefrom(STDERR_FILENO + 1)
    _exit(body())
  }
}
