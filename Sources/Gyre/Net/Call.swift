import Synchronization

/// One call of an operation that can be cancelled on its own, or that comes from outside the loop.
///
/// The usual call, by the task that owns a connection's scope on the connection's loop, needs none.
// @unchecked: `chunk` and `accepted` are written on the loop's thread before the caller is resumed, and read by the caller
// after that.
final class Call: @unchecked Sendable {
  let isCancelled = Atomic<Bool>(false)
  var chunk: PendingChunk?
  var accepted: Descriptor?
}
