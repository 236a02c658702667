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
    #expect(!matches(String(repeating: "a*", count: 1000) + "b", String(repeating: "a", count: 10_000)))
  }

  private func matches(_ pattern: String, _ text: String) -> Bool {
    Array(text.utf8).withUnsafeBytes(Glob(Array(pattern.utf8).span.bytes).matches)
  }
}
