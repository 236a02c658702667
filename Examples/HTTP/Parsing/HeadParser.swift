/// Finds a request's head in a stream of bytes, line by line. RFC 9112, 2 to 5
///
/// Strict where being lenient lets two programs on the way of a request see different requests in it: a line ends with CR
/// LF and nothing else, no line is continued on the next, no blank stands before a colon, and a body's length is told in
/// one way only.
struct HeadParser {
  enum Step: Equatable {
    case head(Head, length: Int)
    case incomplete
    case failed(RequestFailure)
  }

  /// Bytes from the head's first one that have been looked at, and where the line begins that they end in.
  private var position = 0
  private var lineStart = 0
  private var line: RequestLine?
  private var places: [Fields.Place] = []
  private var message = MessageFields()

  /// Whether a head has begun. Empty lines before it, and a CR that begins one, ask for nothing.
  private(set) var hasBegun = false

  /// Looks at the head that begins at `start`, from where the last call stopped; until it is whole, or wrong, the same
  /// bytes have to be given with more behind them. After `head` the next call begins with another one.
  mutating func next(_ input: RawSpan, from start: Int) -> Step {
    do throws(RequestFailure) {
      while let end = try lineEnd(input, start) {
        let range = start + lineStart..<end
        lineStart = position
        if line == nil {
          // An empty line before a request is a mistake of old clients. RFC 9112, 2.2
          if !range.isEmpty { line = try RequestLine(input, range) }
        } else if range.isEmpty {
          return try finish(input, start)
        } else {
          try take(input, range, start)
        }
      }
      hasBegun = line != nil || (position > lineStart && input[start + lineStart] != Characters.cr)
      return .incomplete
    } catch {
      return .failed(error)
    }
  }

  private mutating func finish(_ input: RawSpan, _ start: Int) throws(RequestFailure) -> Step {
    let length = position
    let bytes = input.extracting(start..<start + length).withUnsafeBytes { Array($0) }
    let head = try message.head(line!, Fields(bytes, places))
    self = HeadParser()
    return .head(head, length: length)
  }

  private mutating func take(_ input: RawSpan, _ range: Range<Int>, _ start: Int) throws(RequestFailure) {
    guard places.count < Limit.fields else {
      throw RequestFailure(.fieldsTooLarge, "a head has at most \(Limit.fields) fields")
    }
    let field = try FieldLine(input, range)
    try message.take(input, field)
    places.append(Fields.Place(name: field.name.moved(by: -start), value: field.value.moved(by: -start)))
  }

  /// The end of the line that begins at `lineStart`, without CR LF, which `position` is behind; `nil` if it is not there.
  private mutating func lineEnd(_ input: RawSpan, _ start: Int) throws(RequestFailure) -> Int? {
    let limit = min(input.byteCount - start, line == nil ? Limit.requestLine : Limit.head)
    while position < limit {
      let byte = input[start + position]
      let followsCR = position > lineStart && input[start + position - 1] == Characters.cr
      guard followsCR == (byte == Characters.lf) else { throw .bad("a line ends with CR LF, and has neither within") }
      position += 1
      if followsCR { return start + position - 2 }
    }
    guard position < Limit.requestLine || line != nil else {
      throw RequestFailure(.targetTooLong, "the first line has at most \(Limit.requestLine) bytes")
    }
    guard position < Limit.head else {
      throw RequestFailure(.fieldsTooLarge, "a head has at most \(Limit.head) bytes")
    }
    return nil
  }
}

extension Range<Int> {
  func moved(by offset: Int) -> Range<Int> { lowerBound + offset..<upperBound + offset }
}
