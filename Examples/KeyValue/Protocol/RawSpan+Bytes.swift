extension RawSpan {
  /// The byte at an offset, which is checked.
  @inline(__always)
  subscript(offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  /// The bytes as text, with U+FFFD for what is not UTF-8.
  var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

  /// The bytes as a decimal number, written as `String(number)` would: no blanks, no plus sign, no leading zeros.
  var integer: Int64? {
    guard (1...20).contains(byteCount) else { return nil }
    let isNegative = self[0] == UInt8(ascii: "-")
    let first = isNegative ? 1 : 0
    guard first < byteCount, self[first] != UInt8(ascii: "0") || byteCount == 1 else { return nil }
    var number: Int64 = 0
    for offset in first..<byteCount {
      let digit = Int64(self[offset]) - Int64(UInt8(ascii: "0"))
      guard (0...9).contains(digit) else { return nil }
      // Built downwards: the least number has no positive counterpart.
      let (tens, overflows) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tens.subtractingReportingOverflow(digit)
      if overflows || overflowsToo { return nil }
      number = sum
    }
    if isNegative { return number }
    return number == .min ? nil : -number
  }

  /// The bytes as a finite number, perhaps with a point or an exponent.
  var double: Double? {
    // `Double` takes more than that: `nan`, `0x1p3`, and anything behind a NUL.
    guard byteCount <= 64, withUnsafeBytes({ $0.allSatisfy { "+-.eE0123456789".utf8.contains($0) } }) else {
      return nil
    }
    return Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  /// Whether these are the letters of `word`, in either case. `word` is in upper case.
  func isWord(_ word: StaticString) -> Bool {
    guard byteCount == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { letters in
      for offset in 0..<letters.count where RawSpan.upperCase(self[offset]) != letters[offset] { return false }
      return true
    }
  }

  @inline(__always)
  static func upperCase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte & 0xdf : byte
  }
}
