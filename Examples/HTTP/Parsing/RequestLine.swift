/// The first line: what, of which thing, in which version. RFC 9112, 3
struct RequestLine: Equatable {
  let method: Method
  let target: String
  /// The second number of the version: 0 or 1.
  let minor: Int

  init(_ input: RawSpan, _ range: Range<Int>) throws(RequestFailure) {
    var words: [Range<Int>] = []
    var begin = range.lowerBound
    for offset in range where input[offset] == Characters.space {
      words.append(begin..<offset)
      begin = offset + 1
    }
    words.append(begin..<range.upperBound)
    guard words.count == 3, words.allSatisfy({ !$0.isEmpty }) else {
      throw .bad("the first line is a method, a target and a version, with one blank between")
    }
    for offset in words[0] where !Characters.isToken(input[offset]) { throw .bad("a method is made of letters") }
    for offset in words[1] where !Characters.isTarget(input[offset]) { throw .bad("a target is visible ASCII") }
    minor = try RequestLine.minor(input, words[2])
    let name = input.text(words[0])
    guard let method = Method(rawValue: name) else {
      throw RequestFailure(.notImplemented, "this server has no method \(name.prefix(32))")
    }
    self.method = method
    target = try RequestLine.path(input.text(words[1]), method)
  }

  private static func minor(_ input: RawSpan, _ range: Range<Int>) throws(RequestFailure) -> Int {
    let text = input.text(range)
    let digits = Array(text.utf8.suffix(3))
    guard text.utf8.count == 8, text.hasPrefix("HTTP/"), digits[1] == UInt8(ascii: "."),
      [digits[0], digits[2]].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { throw .bad("the version is HTTP/ and two digits with a dot between") }
    guard digits[0] == UInt8(ascii: "1") else {
      throw RequestFailure(.versionNotSupported, "this server speaks HTTP/1.1")
    }
    // A later 1.x is answered as the latest that is known. RFC 9110, 2.5
    return digits[2] == UInt8(ascii: "0") ? 0 : 1
  }

  /// The path of the forms that a target can have, which are told apart by their beginning. RFC 9112, 3.2
  private static func path(_ target: String, _ method: Method) throws(RequestFailure) -> String {
    if target.utf8.first == UInt8(ascii: "/") || (target == "*" && method == .options) { return target }
    guard target.lowercased().hasPrefix("http://") else { throw .bad("a target begins with a slash") }
    let path = target.utf8.dropFirst("http://".utf8.count).drop { $0 != UInt8(ascii: "/") }
    return path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
  }
}
