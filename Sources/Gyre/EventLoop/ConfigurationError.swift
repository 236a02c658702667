/// A configuration that cannot work, found before any system call.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  /// What is wrong and what to use instead.
  public let description: String

  init(_ description: String) { self.description = description }
}
