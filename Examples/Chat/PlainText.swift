/// What may be said: text that stays within its line, and that everybody sees.
enum PlainText {
  /// Marks over or under one letter. Languages need no more, and a hundred of them cover the lines around.
  /// Unicode Technical Standard 39, 5.4
  private static let mostMarks = 4

  /// The bytes as text, with U+FFFD for what is not UTF-8, without what has no place in it.
  static func of(_ bytes: [UInt8]) -> String {
    var text = String.UnicodeScalarView()
    var marks = 0
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars where isPlain(scalar) {
      marks = isMark(scalar) ? marks + 1 : 0
      if marks <= mostMarks { text.append(scalar) }
    }
    return String(text)
  }

  /// Neither controls, which move the cursor, nor separators, which begin a line for some readers (U+2028), nor what is
  /// invisible or looks different to everybody.
  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isDefaultIgnorableCodePoint { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: return false
    default: return true
    }
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    [.nonspacingMark, .enclosingMark].contains(scalar.properties.generalCategory)
  }
}
