/// A stream that cannot be divided into messages.
public enum FramingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The peer's message is longer than `Framing.maximumLength`.
  case tooLong(limit: Int)
  /// The framing's own closure returned this as a length.
  case invalidLength(Int)

  /// What is wrong.
  public var description: String {
    switch self {
    case .tooLong(let limit): "the message is longer than \(limit) bytes"
    case .invalidLength(let length): "the framing gave a message the length \(length): it has to be 1 or more"
    }
  }
}
