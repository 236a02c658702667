/// The time given to `withTimeout` or `withDeadline` ran out.
public struct TimeoutError: Error, Sendable, CustomStringConvertible {
  /// What happened.
  public var description: String { "the time ran out" }

  /// A timeout.
  public init() {}
}
