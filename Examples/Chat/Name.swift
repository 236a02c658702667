/// What a member is called: letters and digits, so that no name can pass for a notice.
struct Name: Hashable, Sendable, CustomStringConvertible {
  static let longest = 16

  let description: String

  /// `nil` if the line is no name.
  init?(_ line: Line) {
    guard case .text(let text) = line, (1...Name.longest).contains(text.count) else { return nil }
    guard text.allSatisfy({ $0.isLetter || $0.isNumber }) else { return nil }
    description = text
  }
}
