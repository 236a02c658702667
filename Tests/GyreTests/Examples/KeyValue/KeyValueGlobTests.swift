import Testing

@testable import KeyValue

@Suite struct KeyValueGlobTests {
  @Test(arguments: [
    ("", ""), ("*", ""), ("*", "abc"), ("a*", "a"), ("a*c", "abc"), ("a*c", "abcbc"), ("*b*", "abc"), ("**", "a"),
    ("?", "a"), ("a?c", "abc"), ("[abc]", "b"), ("[a-c]x", "bx"), ("[c-a]", "b"), ("[^a]", "b"), ("[^a-c]", "d"),
    ("[a-]", "-"), ("[\\]]", "]"), ("[\\a-c]", "b"), ("\\*", "*"), ("\\?\\[", "?["), ("a\\", "a\\"), ("[a", "a"),
    ("h*llo*", "hello world"), ("*a*b*c", "xaxxbxxc"), ("\0*", "\0a"),
  ])
  func whatFits(pattern: String, text: String) { #expect(matches(pattern, text), "\(pattern), \(text)") }

  @Test(arguments: [
    ("", "a"), ("a", ""), ("a", "b"), ("a", "ab"), ("?", ""), ("?", "ab"), ("a*c", "abd"), ("[abc]", "d"),
    ("[^a]", "a"),
    ("[^a]", ""), ("\\*", "a"), ("[]", "a"), ("*a*b*c", "xaxxbxxd"), ("A", "a"),
  ])
  func whatDoesNot(pattern: String, text: String) { #expect(!matches(pattern, text), "\(pattern), \(text)") }

  /// A pattern that takes others for ever.
  @Test func manyStarsCostLittle() {
    #expect(!matches(String(repeating: "a*", count: 500) + "b", String(repeating: "a", count: 10_000)))
  }

  @Test func aPatternHasABound() {
    let longest = String(repeating: "?", count: Glob.most)
    #expect(matches(longest, longest))
    #expect(!matches(longest, longest + "a"))
    #expect(Glob(Array((longest + "?").utf8).span.bytes) == nil)
  }

  /// Patterns whose places fill one word of bits, and more.
  @Test(arguments: 0..<20)
  func itFindsWhatTryingEverythingFinds(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<50 {
      let text = (0..<random.spread(256)).map { _ in "ab".randomElement(using: &random)! }
      // Most of it is the text's, so that some do fit.
      var pattern: [Character] = []
      for character in text {
        switch Int.random(in: 0..<40, using: &random) {
        case 0: pattern.append("*")
        case 1: pattern += [character, "*"]
        case 2..<8: pattern.append("?")
        case 8 where text.count > 100: pattern.append("b")
        default: pattern.append(character)
        }
      }
      let isFit = KeyValueGlobTests.tryEverything(pattern, text)
      #expect(matches(String(pattern), String(text)) == isFit, "\(String(pattern)), \(String(text))")
    }
  }

  /// Row by row, whether the pattern's first parts fit the text's first characters.
  private static func tryEverything(_ pattern: [Character], _ text: [Character]) -> Bool {
    var fits = [true] + Array(repeating: false, count: text.count)
    for part in pattern {
      var next = [part == "*" && fits[0]]
      for (index, character) in text.enumerated() {
        let isOne = fits[index] && (part == "?" || part == character)
        next.append(part == "*" ? fits[index + 1] || next[index] : isOne)
      }
      fits = next
    }
    return fits[text.count]
  }

  private func matches(_ pattern: String, _ text: String) -> Bool {
    guard let glob = Glob(Array(pattern.utf8).span.bytes) else { return false }
    return Array(text.utf8).withUnsafeBytes(glob.matches)
  }
}
