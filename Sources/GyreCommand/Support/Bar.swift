/// A part of a whole as a bar.
enum Bar {
  /// Eighths of a column, none to all.
  private static let eighths: [Character] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]

  /// A bar of exactly `width` columns. What is more than nothing shows, however little of the whole it is.
  static func text(_ value: Int, of whole: Int, width: Int, style: TextStyle) -> String {
    let length = eighths(of: value, of: whole, width: width)
    var full = String(repeating: "█", count: length / 8)
    if length % 8 > 0 { full.append(eighths[length % 8]) }
    let rest = String(repeating: "·", count: width - full.count)
    return colour(value, of: whole, full, style) + style.dim(rest)
  }

  private static func eighths(of value: Int, of whole: Int, width: Int) -> Int {
    guard value > 0, whole > 0 else { return 0 }
    guard value < whole else { return width * 8 }
    return max(Int(Double(value) / Double(whole) * Double(width * 8)), 1)
  }

  private static func colour(_ value: Int, of whole: Int, _ text: String, _ style: TextStyle) -> String {
    if value >= whole { return style.red(text) }
    return value >= whole - whole / 4 ? style.yellow(text) : style.green(text)
  }
}
