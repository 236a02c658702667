/// Text in lines that fit a terminal.
enum Prose {
  /// Breaks text between words into lines of at most `width` characters, each behind `indent`.
  static func wrap(_ text: String, indent: String, width: Int = 100) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(indent + word)
      }
    }
    return lines
  }
}
