extension Optional {
  /// The value, leaving `nil` behind.
  mutating func take() -> Wrapped? {
    let value = self
    self = nil
    return value
  }
}
