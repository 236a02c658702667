import Testing

@testable import HTTP

@Suite struct HTTPParserTests {
  /// What came of a stream: requests, until one was none.
  private struct Reading: Equatable {
    var requests: [Request] = []
    var failure: RequestFailure?
    var phase = RequestParser.Phase.idle
  }

  @Test func aRequestAsItComes() throws {
    let text = "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-Thing:  \t one, two \t\r\nx-thing:three\r\nEmpty:\r\n\r\n"
    let request = try #require(read(text).requests.first)
    #expect(request.method == .get)
    #expect(request.target == "/a?b=c")
    #expect(request.path == "/a")
    #expect(request.fields["x-thing"] == ["one, two", "three"])
    #expect(request.fields["empty"] == [""])
    #expect(request.fields["other"] == [])
    #expect(request.fields.count == 4)
    #expect(request.keepsAlive && !request.isOld && request.body.isEmpty)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true), ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: te, Close\r\n\r\n", false), ("GET / HTTP/1.0\r\n\r\n", false),
    ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true), ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", true),
  ])
  func whetherTheConnectionStaysOpen(text: String, keepsAlive: Bool) throws {
    #expect(try #require(read(text).requests.first).keepsAlive == keepsAlive)
  }

  @Test func bodiesOfBothKindsAndRequestsBehindThem() {
    let reading = read(
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        + "\r\nPOST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "3\r\nabc\r\n00A;name=\"v\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
        + "GET http://host/c HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    #expect(reading.failure == nil)
    #expect(reading.requests.map(\.target) == ["/a", "/b", "/c", "*"])
    #expect(reading.requests.map { String(decoding: $0.body, as: UTF8.self) } == ["hello", "abc0123456789", "", ""])
    #expect(reading.phase == .idle)
  }

  // MARK: Targets and hosts

  /// What a target means; `nil` if it gets 400. RFC 9112, 3.2; RFC 3986, 3
  static let targets: [(method: String, target: String, meaning: String?)] = [
    ("GET", "/", "/"), ("GET", "//a", "//a"), ("GET", "/a?b=/c?d", "/a?b=/c?d"), ("GET", "/a|b[c]", "/a|b[c]"),
    ("GET", "http://a", "/"), ("GET", "http://a/", "/"), ("GET", "HTTP://a/b", "/b"), ("GET", "http://a//b", "//b"),
    ("GET", "http://a?x=1", "/?x=1"), ("GET", "http://a?", "/?"), ("GET", "http://a?next=/fields", "/?next=/fields"),
    ("GET", "http://a/fields?y=/", "/fields?y=/"), ("GET", "http://a:80/b", "/b"), ("GET", "http://a:/b", "/b"),
    ("GET", "http://127.0.0.1:80?b", "/?b"), ("GET", "http://[::1]/b", "/b"), ("GET", "http://[::1]:80/b", "/b"),
    ("GET", "http://a/b@c", "/b@c"),
    ("OPTIONS", "*", "*"), ("OPTIONS", "http://a", "*"), ("OPTIONS", "http://a:80", "*"), ("OPTIONS", "http://a/", "/"),
    ("OPTIONS", "http://a?b", "/?b"),
    ("GET", "*", nil), ("OPTIONS", "**", nil), ("OPTIONS", "*/", nil), ("GET", "a", nil), ("GET", "?a", nil),
    ("GET", "a:80", nil), ("GET", "/#a", nil), ("GET", "/a#", nil), ("GET", "http://a#b", nil),
    ("GET", "http://", nil), ("GET", "http:///fields", nil), ("GET", "http://?a", nil), ("GET", "http:/a", nil),
    ("GET", "http:a", nil), ("GET", "http", nil), ("GET", "https://a/", nil), ("GET", "ftp://a/", nil),
    ("GET", "http://:80/fields", nil), ("GET", "http://:/", nil), ("GET", "http://u@/fields", nil),
    ("GET", "http://u@a/", nil), ("GET", "http://u:p@a/", nil), ("GET", "http://a@b:80/", nil),
    ("GET", "http://a:b/", nil), ("GET", "http://a:80:80/", nil), ("GET", "http://a:-1/", nil),
    ("GET", "http://a\\b/", nil), ("GET", "http://[::1/", nil), ("GET", "http://::1/", nil),
  ]

  @Test(arguments: targets) func whatATargetMeans(method: String, target: String, meaning: String?) {
    let reading = read("\(method) \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(reading.requests.map(\.target) == (meaning.map { [$0] } ?? []), "\(target)")
    #expect(reading.failure?.status == (meaning == nil ? .badRequest : nil), "\(target)")
  }

  @Test(arguments: [
    "", "a", "A.example", "a.", "a:80", "a:", "a:0", "a:65535", "a-b_c~d", "a%20b", "a,b", "a;b=c", "127.0.0.1:8080",
    "[::1]", "[::1]:80", "[::ffff:127.0.0.1]",
  ])
  func whatAHostMayBe(host: String) {
    for (method, target) in [("GET", "/"), ("GET", "http://b/"), ("OPTIONS", "*")] {
      #expect(read("\(method) \(target) HTTP/1.1\r\nHost:  \(host) \r\n\r\n").failure == nil, "\(host)")
    }
    #expect(read("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n").failure == nil, "\(host)")
  }

  @Test(arguments: [
    "a b", "a/", "a/b", "/", "a?b", "a#b", "u@a", "@", "u@", "a, b", "http://a", ":80", ":", "a:b", "a:80 80",
    "a:65536",
    "a:99999999999999999999", "a:80:80", "a:+80", "a:-1", "::1", "[]", "[", "[::1", "::1]", "[::1]80", "[::1]a", "[a]",
    "[::1%25eth0]", "[v1.a]", "a%", "a%2", "a%zz", "a\\b", "a|b", "\"a\"", "<a>", "ä", "a\u{7f}", "a\0b",
    "a\tb",
  ])
  func whatAHostMayNotBe(host: String) {
    for (target, version) in [("/", "1.1"), ("http://b/", "1.1"), ("/", "1.0")] {
      let failure = read("GET \(target) HTTP/\(version)\r\nHost: \(host)\r\n\r\n").failure
      #expect(failure?.status == .badRequest, "\(host)")
    }
  }

  /// Empty lines ask for nothing, wherever the stream is cut.
  @Test func nothingHasBegunBeforeAFirstLine() {
    for text in ["", "\r", "\r\n", "\r\n\r", "\r\n\r\n"] {
      #expect(read(text).phase == .idle, "\(text.debugDescription)")
      #expect(read(text.utf8.map { [$0] }).phase == .idle, "\(text.debugDescription)")
      let answered = "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + text
      #expect(read(answered).phase == .idle, "\(text.debugDescription)")
      #expect(read(text + "G").phase == .head || text.hasSuffix("\r"), "\(text.debugDescription)")
      #expect(read(text + "G").phase == .head || read(text + "G").failure != nil)
    }
    #expect(read("GET / HTTP/1.1\r\n").phase == .head)
  }

  // MARK: What is refused

  static let refused: [(head: String, status: Status)] = [
    // The first line.
    ("GET  / HTTP/1.1\r\n", .badRequest), ("GET / HTTP/1.1 \r\n", .badRequest), (" GET / HTTP/1.1\r\n", .badRequest),
    ("GET /\r\n", .badRequest), ("GET / http/1.1\r\n", .badRequest), ("GET / HTTP/1\r\n", .badRequest),
    ("GET / HTTP/1.10\r\n", .badRequest), ("GET a HTTP/1.1\r\n", .badRequest), ("GET * HTTP/1.1\r\n", .badRequest),
    ("GET /\u{7f} HTTP/1.1\r\n", .badRequest), ("GET /ä HTTP/1.1\r\n", .badRequest),
    ("G\tT / HTTP/1.1\r\n", .badRequest),
    ("GET / HTTP/2.0\r\n", .versionNotSupported), ("PRI * HTTP/2.0\r\n", .versionNotSupported),
    ("BREW / HTTP/1.1\r\n", .notImplemented), ("get / HTTP/1.1\r\n", .notImplemented),
    // Line ends.
    ("GET / HTTP/1.1\nHost: a\n\n", .badRequest), ("GET / HTTP/1.1\r\nHost: a\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a\rb\r\n", .badRequest), ("GET /\r HTTP/1.1\r\n", .badRequest),
    ("\nGET / HTTP/1.1\r\n", .badRequest),
    // Fields.
    ("GET / HTTP/1.1\r\nHost : a\r\n", .badRequest), ("GET / HTTP/1.1\r\n Host: a\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n", .badRequest), ("GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHost\r\n", .badRequest), ("GET / HTTP/1.1\r\n: a\r\n", .badRequest),
    ("GET / HTTP/1.1\r\nHö: a\r\n", .badRequest), ("GET / HTTP/1.1\r\nA: b\0c\r\n", .badRequest),
    ("GET / HTTP/1.1\r\n\r\n", .badRequest), ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nExpect: the best\r\n\r\n", .expectationFailed),
    // Where the body ends.
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n", .badRequest),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", .contentTooLarge),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999\r\n\r\n", .contentTooLarge),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .notImplemented),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", .notImplemented),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .badRequest),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest),
  ]

  @Test(arguments: refused) func whatIsNoRequestIsRefused(head: String, status: Status) {
    #expect(read(head).failure?.status == status, "\(head.debugDescription): \(read(head))")
  }

  @Test(
    arguments: [
      ("\r\n", .badRequest), ("x\r\n", .badRequest), ("5 \r\n", .badRequest), ("0x5\r\n", .badRequest),
      ("-5\r\n", .badRequest), ("5\n", .badRequest), ("5;a\n", .badRequest), ("5\rX", .badRequest),
      ("1\r\nab\r\n", .badRequest), ("1\r\na\n", .badRequest), ("1\r\na\rb", .badRequest),
      ("1111111111111111\r\n", .badRequest), ("FFFFFFFFFFFFFFF\r\n", .contentTooLarge),
      ("100001\r\n", .contentTooLarge),
      ("0\r\nA : b\r\n", .badRequest), ("0\r\n\rX", .badRequest), ("0\r\nA: b\n\r\n", .badRequest),
    ] as [(String, Status)]
  )
  func aChunkThatIsNoneIsRefused(text: String, status: Status) {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(read(head + text).failure?.status == status, "\(text.debugDescription)")
  }

  @Test func everythingHasABound() {
    let long = String(repeating: "a", count: 20_000)
    #expect(read("GET /\(long)").failure?.status == .targetTooLong)
    #expect(read(String(repeating: "\r\n", count: 5000)).failure?.status == .targetTooLong)
    let head = "GET / HTTP/1.1\r\nHost: a\r\n"
    #expect(read(head + "A: \(long)").failure?.status == .fieldsTooLarge)
    #expect(read(head + String(repeating: "A: b\r\n", count: 99)).failure == nil)
    #expect(read(head + String(repeating: "A: b\r\n", count: 100)).failure?.status == .fieldsTooLarge)
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(read(chunked + "1;\(long)").failure?.status == .badRequest)
    #expect(read(chunked + "0\r\nA: \(long)").failure?.status == .fieldsTooLarge)
    let chunk = "10000\r\n\(String(repeating: "b", count: 65536))\r\n"
    #expect(read(chunked + String(repeating: chunk, count: 16)).failure == nil)
    #expect(read(chunked + String(repeating: chunk, count: 17)).failure?.status == .contentTooLarge)
  }

  /// A client that waits for it is told to go on, once; one whose body has come already is not.
  @Test func expectationsOfGoingOn() {
    let head = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n".utf8)
    var parser = RequestParser()
    var offset = 0
    #expect(parser.next(head.span.bytes, from: &offset) == .expectsContinue)
    #expect(parser.next(head.span.bytes, from: &offset) == .needsInput)
    #expect(offset == head.count)
    parser = RequestParser()
    offset = 0
    guard case .request = parser.next((head + [1, 2]).span.bytes, from: &offset) else {
      Issue.record("a body that is here is not waited for")
      return
    }
  }

  // MARK: Splits

  /// Any way of cutting a stream up gives the same requests and the same failure.
  @Test(arguments: 0..<300)
  func splitsChangeNothing(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let stream = HTTPParserTests.stream(&random)
    let whole = read([stream])
    for _ in 0..<4 {
      var pieces: [[UInt8]] = []
      var rest = stream[...]
      while !rest.isEmpty {
        let piece = rest.prefix(1 + random.spread(128))
        pieces.append(Array(piece))
        rest = rest.dropFirst(piece.count)
      }
      #expect(read(pieces) == whole, "seed \(seed)")
    }
    #expect(read(stream.map { [$0] }) == whole, "seed \(seed), a byte at a time")
  }

  @Test func theHeadsThatAreRefusedAreSoByteByByte() {
    for (head, _) in HTTPParserTests.refused { #expect(read(head.utf8.map { [$0] }) == read(head)) }
  }

  /// Requests, sometimes with a few bytes changed.
  private static func stream(_ random: inout SeededGenerator) -> [UInt8] {
    var stream: [UInt8] = []
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let body = (0..<random.spread(256)).map { _ in UInt8.random(in: 0...255, using: &random) }
      stream += Array("POST /\(random.spread(999)) HTTP/1.1\r\nHost: a\r\n".utf8)
      for number in 0..<Int.random(in: 0...4, using: &random) { stream += Array("Field-\(number):  value \r\n".utf8) }
      if Bool.random(using: &random) {
        stream += Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
      } else {
        stream += Array("Transfer-Encoding: chunked\r\n\r\n".utf8) + chunked(body, &random)
      }
    }
    for _ in 0..<Int.random(in: 0...3, using: &random) where Bool.random(using: &random) {
      let place = Int.random(in: 0..<stream.count, using: &random)
      stream[place] = Array("\r\n :;a\0".utf8).randomElement(using: &random)!
    }
    return stream
  }

  private static func chunked(_ body: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var stream: [UInt8] = []
    var rest = body[...]
    while !rest.isEmpty {
      let chunk = rest.prefix(1 + random.spread(64))
      stream += Array("\(String(chunk.count, radix: 16));x=y\r\n".utf8) + chunk + [13, 10]
      rest = rest.dropFirst(chunk.count)
    }
    return stream + Array("0\r\nTrailer: t\r\n\r\n".utf8)
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
        switch parser.next(input.span.bytes, from: &offset) {
        case .needsInput: break reading
        case .expectsContinue: continue
        case .request(let request): reading.requests.append(request)
        case .failed(let failure):
          reading.failure = failure
          return reading
        }
      }
      input.removeSubrange(..<offset)
    }
    reading.phase = parser.phase
    return reading
  }
}
