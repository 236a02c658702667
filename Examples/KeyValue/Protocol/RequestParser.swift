/// Finds requests in a stream of bytes: RESP2 arrays of bulk strings, and lines of words for people with a terminal.
/// https://redis.io/docs/latest/develop/reference/protocol-spec/
///
/// It copies nothing but a line's words, which may have quotes, and waits for nothing. Given the bytes from a request's first on, it says how long the request is, or
/// that more is needed; then it goes on where it stopped, once it is given the same bytes with more behind them.
struct RequestParser {
  /// What of a client's memory this server is ready to be.
  enum Limit {
    /// Bytes of one request.
    static let request = 64 << 20
    /// Arguments of one request.
    static let arguments = 1 << 16
    /// Bytes of a request that is a line.
    static let line = 64 << 10
    /// Bytes of a number with the end of its line.
    static let number = 24
  }

  enum Step: Equatable {
    /// A whole request of this many bytes; `arguments` has its parts.
    case request(length: Int)
    /// Bytes that ask for nothing: an empty line, an empty array.
    case nothing(length: Int)
    /// More bytes are needed: so many in all if that is known, or else 0.
    case incomplete(length: Int)
    case failed(ProtocolError)
  }

  /// The name and the arguments of the request, counted from its first byte; those of a line are in `line`.
  private(set) var arguments: [Range<Int>] = []
  /// The words of a request that is a line, without quotes; empty for an array.
  private(set) var line: [UInt8] = []
  /// Bytes of the request that have been looked at.
  private var position = 0
  /// Arguments that the request has; `nil` before its first line has been read.
  private var expected: Int?

  private enum Number {
    case value(Int, end: Int)
    case incomplete
    case malformed
  }

  /// Looks at the request that begins at `start`. After `request` or `nothing`, the next call begins with another one.
  mutating func next(_ input: RawSpan, from start: Int) -> Step {
    guard start < input.byteCount else { return .incomplete(length: 0) }
    if position == 0 {
      arguments.removeAll(keepingCapacity: true)
      line.removeAll(keepingCapacity: line.capacity <= 1024)
    }
    let step = input[start] == UInt8(ascii: "*") ? array(input, start) : line(input, start)
    if case .incomplete = step { return step }
    position = 0
    expected = nil
    return step
  }

  // MARK: Arrays

  private mutating func array(_ input: RawSpan, _ start: Int) -> Step {
    if expected == nil {
      switch number(input, at: start + 1) {
      case .incomplete: return .incomplete(length: 0)
      case .value(let count, let end) where count <= Limit.arguments:
        expected = max(count, 0)
        position = end - start
      default: return .failed(ProtocolError("invalid multibulk length"))
      }
    }
    while arguments.count < expected! {
      if let step = argument(input, start) { return step }
    }
    return arguments.isEmpty ? .nothing(length: position) : .request(length: position)
  }

  /// Reads one argument. `nil` if that worked.
  private mutating func argument(_ input: RawSpan, _ start: Int) -> Step? {
    let first = start + position
    guard first < input.byteCount else { return .incomplete(length: 0) }
    guard input[first] == UInt8(ascii: "$") else {
      return .failed(ProtocolError("expected '$', got '\(RequestParser.printable(input[first]))'"))
    }
    switch number(input, at: first + 1) {
    case .incomplete: return .incomplete(length: 0)
    case .malformed: return .failed(ProtocolError("invalid bulk length"))
    case .value(let count, let begin):
      guard count >= 0 else { return .failed(ProtocolError("invalid bulk length")) }
      let end = begin - start + count + 2
      guard count <= Limit.request, end <= Limit.request else {
        return .failed(ProtocolError("a request has at most \(Limit.request) bytes"))
      }
      guard start + end <= input.byteCount else { return .incomplete(length: end) }
      guard isLineEnd(input, at: begin + count) else {
        return .failed(ProtocolError("a bulk string ends with CR LF after as many bytes as it says"))
      }
      arguments.append(begin - start..<end - 2)
      position = end
      return nil
    }
  }

  /// The number from `begin` to the end of its line.
  @inline(__always)
  private func number(_ input: RawSpan, at begin: Int) -> Number {
    var offset = begin
    let limit = min(input.byteCount, begin + Limit.number)
    let isNegative = offset < limit && input[offset] == UInt8(ascii: "-")
    if isNegative { offset += 1 }
    let firstDigit = offset
    var value = 0
    while offset < limit {
      let digit = Int(input[offset]) &- Int(UInt8(ascii: "0"))
      guard digit >= 0 && digit <= 9 else { break }
      // So many digits do not overflow; more are no number that this server has a use for.
      guard offset - firstDigit < 18 else { return .malformed }
      value = value &* 10 &+ digit
      offset += 1
    }
    guard offset + 1 < limit else { return mayGoOn(input, from: firstDigit, offset, limit) ? .incomplete : .malformed }
    guard offset > firstDigit, isLineEnd(input, at: offset) else { return .malformed }
    return .value(isNegative ? -value : value, end: offset + 2)
  }

  /// Whether what was read up to the end of the input can be the beginning of a number and its line's end.
  private func mayGoOn(_ input: RawSpan, from firstDigit: Int, _ offset: Int, _ limit: Int) -> Bool {
    guard limit == input.byteCount else { return false }
    return offset == limit || (offset > firstDigit && input[offset] == UInt8(ascii: "\r"))
  }

  @inline(__always)
  private func isLineEnd(_ input: RawSpan, at offset: Int) -> Bool {
    input[offset] == UInt8(ascii: "\r") && input[offset + 1] == UInt8(ascii: "\n")
  }

  // MARK: Lines

  private mutating func line(_ input: RawSpan, _ start: Int) -> Step {
    let limit = min(input.byteCount, start + Limit.line)
    var offset = start + position
    while offset < limit && input[offset] != UInt8(ascii: "\n") { offset += 1 }
    guard offset < limit else {
      position = offset - start
      guard position < Limit.line else { return .failed(ProtocolError("too big inline request")) }
      return .incomplete(length: 0)
    }
    guard let words = LineWords(input.extracting(start..<offset)) else {
      return .failed(ProtocolError("unbalanced quotes in request"))
    }
    guard words.ranges.count <= Limit.arguments else { return .failed(ProtocolError("too many words in a line")) }
    (line, arguments) = (words.bytes, words.ranges)
    let length = offset + 1 - start
    return arguments.isEmpty ? .nothing(length: length) : .request(length: length)
  }

  private static func printable(_ byte: UInt8) -> String {
    (0x20..<0x7f).contains(byte) ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16)
  }
}
