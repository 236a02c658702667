/// A line with a field: a name, a colon, a value with blanks around it that do not count. RFC 9112, 5
struct FieldLine: Equatable {
  let name: Range<Int>
  let value: Range<Int>

  init(_ input: RawSpan, _ range: Range<Int>) throws(RequestFailure) {
    if input[range.lowerBound] == Characters.space || input[range.lowerBound] == Characters.tab {
      throw .bad("a field is not continued on another line")
    }
    var colon = range.lowerBound
    while colon < range.upperBound && Characters.isToken(input[colon]) { colon += 1 }
    guard colon > range.lowerBound, colon < range.upperBound, input[colon] == UInt8(ascii: ":") else {
      throw .bad("a field is a name, a colon and a value, with no blank before the colon")
    }
    for offset in colon + 1..<range.upperBound where !Characters.isValue(input[offset]) {
      throw .bad("a field’s value has no control characters")
    }
    name = range.lowerBound..<colon
    value = FieldLine.trimmed(input, colon + 1..<range.upperBound)
  }

  private static func trimmed(_ input: RawSpan, _ range: Range<Int>) -> Range<Int> {
    var (begin, end) = (range.lowerBound, range.upperBound)
    while begin < end && isBlank(input[begin]) { begin += 1 }
    while begin < end && isBlank(input[end - 1]) { end -= 1 }
    return begin..<end
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == Characters.space || byte == Characters.tab }
}
