/// A request's head, with what its fields say about the message itself.
struct Head: Equatable {
  var request: Request
  var framing: Framing
  /// Whether the client waits for `100 Continue` before it sends the body.
  var expectsContinue: Bool
}
