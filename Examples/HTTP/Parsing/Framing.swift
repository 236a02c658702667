/// How the end of a request's body is told.
enum Framing: Equatable {
  /// After so many bytes; 0 if there is no body.
  case length(Int)
  case chunked
}
