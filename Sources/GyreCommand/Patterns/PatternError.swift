/// A pattern could not be measured.
struct PatternError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
