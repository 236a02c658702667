/// The first line: what, of which thing, in which version. RFC 9112, 3
struct RequestLine: Equatable {
  let method: Method
  /// The path with the query, or `*`.
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
    for offset in words[1] where !Characters.isTarget(input[offset]) {
      throw .bad("a target is visible ASCII without a fragment")
    }
    minor = try RequestLine.minor(input, words[2])
    let name = input.text(words[0])
    guard let method = Method(rawValue: name) else {
      throw RequestFailure(.notImplemented, "this server has no method \(name.prefix(32))")
    }
    self.method = method
    target = try RequestLine.path(input, words[1], method)
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
  private static func path(
    _ input: RawSpan,
    _ range: Range<Int>,
    _ method: Method
  ) throws(RequestFailure) -> String {
    if input[range.lowerBound] == UInt8(ascii: "/") { return input.text(range) }
    if method == .options && input.isWord(range, "*") { return "*" }
    let begin = range.lowerBound + "http://".utf8.count
    guard begin <= range.upperBound, input.isWord(range.lowerBound..<begin, "http://") else {
      throw .bad("a target begins with a slash or with http://")
    }
    // A slash within the query begins no path.
    let end = (begin..<range.upperBound).first { "/?".utf8.contains(input[$0]) } ?? range.upperBound
    guard Authority.isValid(input, begin..<end) else {
      throw .bad("an absolute target has a host, perhaps a port, and no user name")
    }
    // Without a path it means the server as a whole where options are asked for, or else the root. RFC 9112, 3.2.4
    if end == range.upperBound { return method == .options ? "*" : "/" }
    let rest = input.text(end..<range.upperBound)
    return rest.hasPrefix("?") ? "/" + rest : rest
  }
}
