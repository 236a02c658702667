import Glibc

/// How text stands out on a terminal; everywhere else it is left as it is.
struct TextStyle: Sendable {
  /// Whether colours and the like are shown.
  let isOn: Bool

  /// No styles.
  static let plain = TextStyle(isOn: false)

  /// Styles if the output is a terminal that has them and its user wants them. <https://no-color.org>
  static var ofOutput: TextStyle {
    let isUnwanted = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
    return TextStyle(isOn: isatty(STDOUT_FILENO) == 1 && !isUnwanted && !isDumb)
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }
  func cyan(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    isOn && !text.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }

  /// The columns that a text takes on a terminal: styles take none.
  static func width(of text: String) -> Int {
    var width = 0
    var isStyle = false
    for character in text {
      if character == "\u{1b}" {
        isStyle = true
      } else if isStyle {
        isStyle = character != "m"
      } else {
        width += 1
      }
    }
    return width
  }

  /// The beginning of a text that fits into that many columns, with its styles.
  static func clip(_ text: String, to columns: Int) -> String {
    guard width(of: text) > columns else { return text }
    var (clipped, width, isStyle) = ("", 0, false)
    for character in text {
      if character == "\u{1b}" { isStyle = true }
      if isStyle {
        isStyle = character != "m"
        clipped.append(character)
      } else if width < columns {
        clipped.append(character)
        width += 1
      }
    }
    return clipped
  }
}
