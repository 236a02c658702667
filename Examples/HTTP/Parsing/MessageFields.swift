/// The fields that say something about the message itself: its length, its host, its connection.
struct MessageFields {
  private var length: Int?
  private var coding: String?
  private var hasHost = false
  private var closes = false
  private var staysOpen = false
  private var expectation: String?

  /// Notes a field, if it is one of these.
  mutating func take(_ input: RawSpan, _ field: FieldLine) throws(RequestFailure) {
    if input.isWord(field.name, "host") {
      guard !hasHost else { throw .bad("there are two Host fields") }
      hasHost = true
      // An empty one is for targets that have no host. RFC 9112, 3.2
      guard field.value.isEmpty || Authority.isValid(input, field.value) else {
        throw .bad("a Host is a name or an address, perhaps with a port")
      }
    } else if input.isWord(field.name, "content-length") {
      guard length == nil else { throw .bad("there are two Content-Length fields") }
      length = try MessageFields.number(input, field.value)
    } else if input.isWord(field.name, "transfer-encoding") {
      guard coding == nil else { throw .bad("there are two Transfer-Encoding fields") }
      coding = input.text(field.value).lowercased()
    } else if input.isWord(field.name, "connection") {
      for option in input.text(field.value).lowercased().split(whereSeparator: { ", \t".contains($0) }) {
        if option == "close" { closes = true }
        if option == "keep-alive" { staysOpen = true }
      }
    } else if input.isWord(field.name, "expect") {
      expectation = input.text(field.value).lowercased()
    }
  }

  /// What all of them mean together. RFC 9112, 6.3
  func head(_ line: RequestLine, _ fields: Fields) throws(RequestFailure) -> Head {
    let isOld = line.minor == 0
    guard hasHost || isOld else { throw .bad("a request of HTTP/1.1 has a Host field") }
    let framing = try framing(isOld: isOld)
    if let expectation, expectation != "100-continue" {
      throw RequestFailure(.expectationFailed, "the only expectation known here is 100-continue")
    }
    let request = Request(
      method: line.method,
      target: line.target,
      fields: fields,
      keepsAlive: !closes && (!isOld || staysOpen),
      isOld: isOld
    )
    return Head(request: request, framing: framing, expectsContinue: expectation != nil && !isOld)
  }

  private func framing(isOld: Bool) throws(RequestFailure) -> Framing {
    guard let coding else {
      let length = length ?? 0
      guard length <= Limit.body else {
        throw RequestFailure(.contentTooLarge, "a body has at most \(Limit.body) bytes")
      }
      return .length(length)
    }
    // Whoever goes by the one sees another end of the message than who goes by the other.
    guard length == nil else { throw .bad("there is a Content-Length and a Transfer-Encoding") }
    guard !isOld else { throw .bad("HTTP/1.0 has no Transfer-Encoding") }
    guard coding == "chunked" else {
      throw RequestFailure(.notImplemented, "the only transfer coding known here is chunked")
    }
    return .chunked
  }

  /// Digits and nothing else: no sign, no list, no blank between.
  private static func number(_ input: RawSpan, _ range: Range<Int>) throws(RequestFailure) -> Int {
    guard !range.isEmpty else { throw .bad("the Content-Length is empty") }
    var number = 0
    for offset in range {
      let digit = Int(input[offset]) - Int(UInt8(ascii: "0"))
      guard (0...9).contains(digit) else { throw .bad("the Content-Length is no decimal number") }
      // Beyond the limit the value does not matter any more, and must not overflow.
      number = min(number * 10 + digit, Limit.body + 1)
    }
    return number
  }
}
