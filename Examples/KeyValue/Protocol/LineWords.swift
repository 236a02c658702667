/// The words of a line, as somebody at a terminal writes them: between blanks, or in quotes where they have blanks.
///
/// Within `"` a backslash makes `\n`, `\r`, `\t`, `\a`, `\b` and `\x41` what they are in C, and takes the meaning from others;
/// within `'` it does so for `'` alone.
struct LineWords {
  private(set) var bytes: [UInt8] = []
  /// Each word's place in `bytes`.
  private(set) var ranges: [Range<Int>] = []
  private var rest: ArraySlice<UInt8>

  private static let doubleQuote = UInt8(ascii: "\"")
  private static let quote = UInt8(ascii: "'")
  private static let backslash = UInt8(ascii: "\\")

  /// `nil` if a quote has no end, or a word goes on behind it.
  init?(_ line: RawSpan) {
    rest = line.withUnsafeBytes { Array($0) }[...]
    while true {
      rest = rest.drop(while: LineWords.isBlank)
      if rest.isEmpty { return }
      let begin = bytes.count
      guard takeWord() else { return nil }
      ranges.append(begin..<bytes.count)
    }
  }

  private mutating func takeWord() -> Bool {
    while let byte = rest.popFirst(), !LineWords.isBlank(byte) {
      if byte == LineWords.quote || byte == LineWords.doubleQuote {
        return takeQuoted(until: byte) && rest.first.map(LineWords.isBlank) ?? true
      }
      bytes.append(byte)
    }
    return true
  }

  private mutating func takeQuoted(until quote: UInt8) -> Bool {
    while let byte = rest.popFirst() {
      if byte == quote { return true }
      if byte == LineWords.backslash, quote == LineWords.doubleQuote || rest.first == quote {
        guard let escaped = rest.popFirst() else { return false }
        bytes.append(quote == LineWords.doubleQuote ? meaning(escaped) : escaped)
      } else {
        bytes.append(byte)
      }
    }
    return false
  }

  /// What a byte behind a backslash means, with the digits behind an `x`.
  private mutating func meaning(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "n"): return UInt8(ascii: "\n")
    case UInt8(ascii: "r"): return UInt8(ascii: "\r")
    case UInt8(ascii: "t"): return UInt8(ascii: "\t")
    case UInt8(ascii: "a"): return 7
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "x"):
      let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 2 else { return byte }
      rest = rest.dropFirst(2)
      return UInt8(digits[0] * 16 + digits[1])
    default: return byte
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")].contains(byte)
  }
}
