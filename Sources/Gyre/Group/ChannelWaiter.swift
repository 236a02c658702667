// @unchecked: touched under the lock of its channel alone.
/// A task that waits in a channel.
final class ChannelWaiter: @unchecked Sendable {
  enum Ending: Sendable {
    /// Room, or an element, is kept for it.
    case granted
    case finished
    case cancelled
  }

  /// Set while the task is suspended and nobody has decided how its wait ends.
  var continuation: UnsafeContinuation<Ending, Never>?
  var isCancelled = false
}
