import Glibc

/// A host with an optional port, as the Host field and an absolute target have it. RFC 3986, 3.2
///
/// No user name: `http://bank@evil/` is there to deceive those who read it. RFC 9110, 4.2.4
enum Authority {
  /// Whether the bytes of a range are `host[:port]`. The host is not empty.
  static func isValid(_ input: RawSpan, _ range: Range<Int>) -> Bool {
    guard let end = hostEnd(input, range), end > range.lowerBound else { return false }
    return end == range.upperBound || isPort(input, end..<range.upperBound)
  }

  /// Behind the host; `nil` if it is none.
  private static func hostEnd(_ input: RawSpan, _ range: Range<Int>) -> Int? {
    if range.isEmpty || input[range.lowerBound] != UInt8(ascii: "[") { return nameEnd(input, range) }
    guard let end = range.first(where: { input[$0] == UInt8(ascii: "]") }) else { return nil }
    var address = in6_addr()
    return inet_pton(AF_INET6, input.text(range.lowerBound + 1..<end), &address) == 1 ? end + 1 : nil
  }

  /// Behind a name or an IPv4 address, which has the form of a name.
  private static func nameEnd(_ input: RawSpan, _ range: Range<Int>) -> Int? {
    var offset = range.lowerBound
    while offset < range.upperBound && input[offset] != UInt8(ascii: ":") {
      if input[offset] == UInt8(ascii: "%") {
        guard offset + 2 < range.upperBound, Characters.hexValue(input[offset + 1]) != nil,
          Characters.hexValue(input[offset + 2]) != nil
        else { return nil }
      } else if !Characters.isName(input[offset]) {
        return nil
      }
      offset += 1
    }
    return offset
  }

  /// A colon with a number, which may be missing.
  private static func isPort(_ input: RawSpan, _ range: Range<Int>) -> Bool {
    guard input[range.lowerBound] == UInt8(ascii: ":") else { return false }
    var number = 0
    for offset in range.dropFirst() {
      let digit = Int(input[offset]) - Int(UInt8(ascii: "0"))
      guard (0...9).contains(digit) else { return false }
      number = number * 10 + digit
      guard number <= UInt16.max else { return false }
    }
    return true
  }
}
