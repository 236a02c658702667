/// A line of text that somebody sent, without its end.
enum Line: Equatable, Sendable {
  case text(String)
  /// Longer than a line may be. It was read to its end and not kept.
  case tooLong
}
