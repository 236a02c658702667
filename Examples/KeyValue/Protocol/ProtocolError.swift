/// What a client sent is no request. It is told why, and its connection is closed: where the next request would begin is
/// anybody's guess.
struct ProtocolError: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = "Protocol error: " + description }
}
