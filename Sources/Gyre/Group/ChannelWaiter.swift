// @unchecked: touched under the lock of its channel alone.
/// A task that waits in a channel.
@usableFromInline
final class ChannelWaiter: @unchecked Sendable {
  @usableFromInline
  enum Ending: Sendable {
    /// Room, or an element, is kept for it.
    case granted
    case finished
    case cancelled
  }

  /// Set while the task is suspended and nobody has decided how its wait ends.
  @usableFromInline var continuation: UnsafeContinuation<Ending, Never>?
  @usableFromInline var isCancelled = false
  /// Where it waits, among the senders or the receivers; meant for as long as there is a continuation.
  @usableFromInline var place = -1
  @usableFromInline var isSender = false

  @inlinable init() {}
}
