// @unchecked: subclasses say why.
/// Told of a connection's hand-offs. A connection that nobody observes has none, which costs each hand-off one branch.
///
/// All is called on the loop's thread, except `resumed`.
class ConnectionObserver: @unchecked Sendable {
  func receiveArmed() {}
  func received(_ completion: Completion, on socket: StreamSocket) {}
  func sendSubmitted(_ count: Int) {}
  func sent(_ completion: Completion, on socket: StreamSocket) {}
  /// The connection is about to be closed, or to leave the loop; its descriptor is still open.
  func closing(_ socket: StreamSocket) {}
  func closed() {}
  /// It is told no more: the connection is closed, leaves the loop, goes to another observer, or nobody is to observe it.
  func ended(on socket: StreamSocket) {}
  /// A task got the result of an operation. On the task's thread.
  func resumed(_ handoff: Handoff, _ result: Int) {}
}
