/// Takes requests off a stream of bytes, however they are cut up.
struct RequestParser {
  enum Event: Equatable {
    case request(Request)
    /// The client waits for `100 Continue` before it sends the body.
    case expectsContinue
    case needsInput
    case failed(RequestFailure)
  }

  /// What the client is in the middle of.
  enum Phase {
    case idle
    case head
    case body
  }

  private var headParser = HeadParser()
  private var head: Head?
  private var decoder = BodyDecoder(.length(0))

  var phase: Phase {
    if head != nil { return .body }
    return headParser.hasBegun ? .head : .idle
  }

  /// Looks at the bytes from `offset` on, which goes on behind what is not needed any more. What is left of the input after
  /// `needsInput` has to come again, with more behind it.
  mutating func next(_ input: RawSpan, from offset: inout Int) -> Event {
    if head == nil {
      switch headParser.next(input, from: offset) {
      case .incomplete: return .needsInput
      case .failed(let failure): return .failed(failure)
      case .head(let head, let length):
        offset += length
        decoder = BodyDecoder(head.framing)
        self.head = head
        // Whose body is here already does not wait.
        if head.expectsContinue && !decoder.isWhole && offset == input.byteCount { return .expectsContinue }
      }
    }
    return takeBody(input, &offset)
  }

  private mutating func takeBody(_ input: RawSpan, _ offset: inout Int) -> Event {
    do throws(RequestFailure) {
      try decoder.take(input, from: &offset)
    } catch {
      return .failed(error)
    }
    guard decoder.isWhole, var request = head?.request else { return .needsInput }
    request.body = decoder.body
    decoder = BodyDecoder(.length(0))
    head = nil
    return .request(request)
  }
}
