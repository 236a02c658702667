import Testing

@testable import KeyValue

@Suite struct KeyValueParserTests {
  /// What came of a stream: requests, until one was none.
  private struct Reading: Equatable {
    var requests: [[String]] = []
    var error: ProtocolError?
  }

  @Test func requestsOfBothKinds() {
    #expect(read("*2\r\n$3\r\nGET\r\n$1\r\na\r\n").requests == [["GET", "a"]])
    #expect(read("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n").requests == [["PING"], ["QUIT"]])
    #expect(read("PING\r\nset  a\tb \nget a\r\n").requests == [["PING"], ["set", "a", "b"], ["get", "a"]])
    #expect(read("\r\n\n*0\r\n*-1\r\nPING\n").requests == [["PING"]])
    #expect(read("*2\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n").requests == [["", "\r\n\r\n"]])
    #expect(
      read("*1\r\n$4\r\nPING\r\nget 'a b'\r\n*1\r\n$4\r\nQUIT\r\n").requests == [["PING"], ["get", "a b"], ["QUIT"]]
    )
    #expect(read("*1\r\n$4\r\nPI").requests == [])
    #expect(read("*1\r\n$4\r\nPI").error == nil)
  }

  /// As people write words at a terminal.
  @Test(arguments: [
    ("\"a b\" c", ["a b", "c"]), ("'a b' c", ["a b", "c"]), ("\"\"", [""]), ("a '' \"\"", ["a", "", ""]),
    ("\"\\x41\\x4a\\x4Az\"", ["AJJz"]), ("\"\\x4\"", ["x4"]), ("\"\\xg1\"", ["xg1"]), ("\\x41", ["\\x41"]),
    ("\"\\n\\r\\t\\a\\b\"", ["\n\r\t\u{7}\u{8}"]), ("\"\\\"\\\\\\q\"", ["\"\\q"]), ("'\\''", ["'"]),
    ("'\\n\\\"'", ["\\n\\\""]), ("\"'\" '\"'", ["'", "\""]), ("a\"b c\"", ["ab c"]), ("a\\b", ["a\\b"]),
  ])
  func wordsInQuotes(line: String, words: [String]) {
    for end in ["\r\n", "\n", " \r\n"] { #expect(read(line + end).requests == [words], "\(line)") }
  }

  @Test(arguments: [
    "\"", "'", "\"a", "'a", "a \"b", "\"a\\", "\"a\\\"", "'a\\'", "\"a\"b", "'a'b", "\"a\"\"b\"", "'a'\"b\"",
  ])
  func quotesWithoutAnEnd(line: String) {
    #expect(read(line + "\r\nPING\r\n") == Reading(error: ProtocolError("unbalanced quotes in request")))
  }

  @Test(arguments: [
    ("*x\r\n", "invalid multibulk length"),
    ("*\r\n", "invalid multibulk length"),
    ("*1x\r\n", "invalid multibulk length"),
    ("*65537\r\n", "invalid multibulk length"),
    ("*1111111111111111111", "invalid multibulk length"),
    ("*1\r\n:1\r\n", "expected '$', got ':'"),
    ("*1\r\n\r\n", "expected '$', got '\\xd'"),
    ("*1\r\n$-1\r\n", "invalid bulk length"),
    ("*1\r\n$a\r\n", "invalid bulk length"),
    ("*1\r\n$67108865\r\n", "a request has at most 67108864 bytes"),
    ("*2\r\n$5\r\nhello\r\n$67108860\r\n", "a request has at most 67108864 bytes"),
    ("*1\r\n$2\r\nabc\r\n", "a bulk string ends with CR LF after as many bytes as it says"),
  ])
  func whatIsNoRequestIsCalledSo(text: String, message: String) {
    #expect(read(text).error == ProtocolError(message))
  }

  @Test func aLineHasABound() {
    #expect(read(String(repeating: "a", count: 65535)).error == nil)
    #expect(read(String(repeating: "a", count: 65536)).error == ProtocolError("too big inline request"))
    #expect(read(String(repeating: "a", count: 65535) + "\n").requests.count == 1)
  }

  /// The size of a bulk string is known as soon as its length is: room can be made once.
  @Test func itTellsHowMuchIsNeeded() {
    var parser = RequestParser()
    let input = Array("*1\r\n$1000\r\nabc".utf8)
    #expect(parser.next(input.span.bytes, from: 0) == .incomplete(length: 4 + 7 + 1000 + 2))
  }

  /// Any way of cutting a stream up gives the same requests and the same error.
  @Test(arguments: 0..<300)
  func splitsChangeNothing(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let stream = KeyValueParserTests.stream(&random)
    let whole = read([stream])
    for _ in 0..<4 {
      var pieces: [[UInt8]] = []
      var rest = stream[...]
      while !rest.isEmpty {
        let piece = rest.prefix(1 + random.spread(64))
        pieces.append(Array(piece))
        rest = rest.dropFirst(piece.count)
      }
      #expect(read(pieces) == whole, "seed \(seed)")
    }
    #expect(read(stream.map { [$0] }) == whole, "seed \(seed), a byte at a time")
  }

  /// Requests, sometimes with a few bytes changed.
  private static func stream(_ random: inout SeededGenerator) -> [UInt8] {
    var stream: [UInt8] = []
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let words = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        (0..<random.spread(32)).map { _ in Array("ab\r\n*$19 \"'\\".utf8).randomElement(using: &random)! }
      }
      if Bool.random(using: &random) {
        stream += Array("*\(words.count)\r\n".utf8)
        for word in words { stream += Array("$\(word.count)\r\n".utf8) + word + [13, 10] }
      } else {
        stream += words.joined(separator: [32]) + [10]
      }
    }
    for _ in 0..<Int.random(in: 0...3, using: &random) where !stream.isEmpty && Bool.random(using: &random) {
      stream[Int.random(in: 0..<stream.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
    }
    return stream
  }

  private func read(_ text: String) -> Reading { read([Array(text.utf8)]) }

  /// Reads pieces as a connection does: what is left of one comes before the next.
  private func read(_ pieces: [[UInt8]]) -> Reading {
    var reading = Reading()
    var parser = RequestParser()
    var input: [UInt8] = []
    for piece in pieces {
      input += piece
      var offset = 0
      reading: while true {
        switch parser.next(input.span.bytes, from: offset) {
        case .incomplete: break reading
        case .nothing(let length): offset += length
        case .request(let length):
          let bytes = parser.line.isEmpty ? Array(input[offset..<offset + length]) : parser.line
          reading.requests.append(parser.arguments.map { String(decoding: bytes[$0], as: UTF8.self) })
          offset += length
        case .failed(let error):
          reading.error = error
          return reading
        }
      }
      input.removeSubrange(..<offset)
    }
    return reading
  }
}
