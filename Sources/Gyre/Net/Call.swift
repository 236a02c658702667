import CLiburing
import Synchronization

// @unchecked: the variables are written on the loop's thread before the caller is resumed, and read by the caller
// after that.
/// One call of an operation that can be cancelled on its own, or that comes from outside the loop.
///
/// The usual call, by the task that owns a connection's scope on the connection's loop, needs none.
final class Call: @unchecked Sendable {
  let isCancelled = Atomic<Bool>(false)
  /// Where it waits in a list of the socket's; `nil` where it does not.
  var place: WaitingList<Waiter>.Place?
  var chunk: PendingChunk?
  var accepted: StreamSocket?
  /// The connection's, where somebody observes it.
  var observer: ConnectionObserver?

  // The runtime orders the two sides; ThreadSanitizer has to be told, where the caller runs on another thread.
  private var name: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  /// The loop has written the results and is about to resume the caller.
  func handOver() { gyre_sanitizer_release(name) }

  /// The caller has been resumed and is about to read the results.
  func takeOver() { gyre_sanitizer_acquire(name) }
}
