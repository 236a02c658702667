// @unchecked: subclasses say why.
/// Told of the connections that a listener accepts, on the loop's thread.
class ListenerObserver: @unchecked Sendable {
  func accepted(_ connection: StreamSocket, _ completion: Completion, by listener: ListenSocket) {}
  /// It is told no more: the listener is closed, its loop stops, or it goes to another observer.
  func ended() {}
}
