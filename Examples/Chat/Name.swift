/// What a member is called: letters and digits, so that no name can pass for a notice.
///
/// Names that differ only in upper and lower case are the same.
struct Name: Hashable, Sendable, CustomStringConvertible {
  static let longest = 16
  /// A letter with its marks, or letters that are written as one.
  private static let mostScalars = 4

  let description: String
  private let key: String

  /// `nil` if the line is no name.
  init?(_ line: Line) {
    guard case .text(let text) = line, (1...Name.longest).contains(text.count) else { return nil }
    guard text.allSatisfy(Name.isSuited) else { return nil }
    description = text
    key = text.lowercased()
  }

  static func == (one: Name, other: Name) -> Bool { one.key == other.key }

  func hash(into hasher: inout Hasher) { hasher.combine(key) }

  private static func isSuited(_ character: Character) -> Bool {
    (character.isLetter || character.isNumber) && character.unicodeScalars.count <= mostScalars
  }
}
