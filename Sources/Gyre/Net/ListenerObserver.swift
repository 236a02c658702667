// @unchecked: subclasses say why.
/// Told of the connections that a listener accepts, on the loop's thread.
class ListenerObserver: @unchecked Sendable {
  func accepted(_ connection: StreamSocket, _ completion: Completion, by listener: ListenSocket) {}
  /// The listener is closed, or goes to another observer.
  func ended() {}
}
