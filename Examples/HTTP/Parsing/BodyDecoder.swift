/// Takes a body off a stream of bytes, however they are cut up. RFC 9112, 6 and 7
struct BodyDecoder {
  private enum State: Equatable {
    case length
    case chunkSize(digits: Int)
    case chunkExtension
    case chunkSizeEnd
    case chunk
    case chunkEndCR
    case chunkEndLF
    case trailer
    case trailerEnd
    case whole
  }

  private(set) var body: [UInt8] = []
  private var state: State
  /// Bytes of the body or of the chunk that are still to come.
  private var left = 0
  private var lineLength = 0
  private var trailerLine: [UInt8] = []
  private var trailerLength = 0

  init(_ framing: Framing) {
    switch framing {
    case .length(let count):
      state = count == 0 ? .whole : .length
      left = count
    case .chunked: state = .chunkSize(digits: 0)
    }
  }

  var isWhole: Bool { state == .whole }

  /// Takes bytes from `offset` on, which goes on behind them, until the body is whole or there are no more.
  mutating func take(_ input: RawSpan, from offset: inout Int) throws(RequestFailure) {
    while state != .whole && offset < input.byteCount {
      if state == .length || state == .chunk {
        takeData(input, &offset)
      } else {
        try take(input[offset])
        offset += 1
      }
    }
  }

  private mutating func takeData(_ input: RawSpan, _ offset: inout Int) {
    let count = min(left, input.byteCount - offset)
    input.extracting(offset..<offset + count).withUnsafeBytes { body.append(contentsOf: $0) }
    offset += count
    left -= count
    if left == 0 { state = state == .length ? .whole : .chunkEndCR }
  }

  private mutating func take(_ byte: UInt8) throws(RequestFailure) {
    switch state {
    case .chunkSize(let digits): try takeSize(byte, digits)
    case .chunkExtension: try takeExtension(byte)
    case .chunkSizeEnd: try beginChunk(byte)
    case .chunkEndCR:
      try expect(byte == Characters.cr)
      state = .chunkEndLF
    case .chunkEndLF:
      try expect(byte == Characters.lf)
      state = .chunkSize(digits: 0)
    case .trailer: try takeTrailer(byte)
    case .trailerEnd: try endTrailerLine(byte)
    case .length, .chunk, .whole: break
    }
  }

  // MARK: Chunks

  private mutating func takeSize(_ byte: UInt8, _ digits: Int) throws(RequestFailure) {
    if let digit = Characters.hexValue(byte) {
      guard digits < 15 else { throw .bad("a chunk’s size has too many digits") }
      left = left * 16 + digit
      state = .chunkSize(digits: digits + 1)
    } else {
      guard digits > 0 else { throw .bad("a chunk begins with its size in hexadecimal") }
      lineLength = digits
      state = .chunkExtension
      guard byte == Characters.cr || byte == UInt8(ascii: ";") else {
        throw .bad("a chunk’s size is a hexadecimal number")
      }
      try takeExtension(byte)
    }
  }

  private mutating func takeExtension(_ byte: UInt8) throws(RequestFailure) {
    if byte == Characters.cr { return state = .chunkSizeEnd }
    lineLength += 1
    guard Characters.isValue(byte) else { throw .bad("a chunk’s extension has a control character") }
    guard lineLength <= Limit.chunkLine else { throw .bad("a chunk’s extensions have too many bytes") }
  }

  private mutating func beginChunk(_ byte: UInt8) throws(RequestFailure) {
    try expect(byte == Characters.lf)
    guard left <= Limit.body - body.count else {
      throw RequestFailure(.contentTooLarge, "a body has at most \(Limit.body) bytes")
    }
    state = left == 0 ? .trailer : .chunk
  }

  private func expect(_ isRight: Bool) throws(RequestFailure) {
    if !isRight { throw .bad("a chunk and its size end with CR LF") }
  }

  // MARK: Trailer fields, which are checked and not kept

  private mutating func takeTrailer(_ byte: UInt8) throws(RequestFailure) {
    trailerLength += 1
    guard trailerLength <= Limit.head else {
      throw RequestFailure(.fieldsTooLarge, "the trailer has at most \(Limit.head) bytes")
    }
    if byte == Characters.cr { state = .trailerEnd } else { trailerLine.append(byte) }
  }

  private mutating func endTrailerLine(_ byte: UInt8) throws(RequestFailure) {
    try expect(byte == Characters.lf)
    if trailerLine.isEmpty { return state = .whole }
    _ = try FieldLine(trailerLine.span.bytes, 0..<trailerLine.count)
    trailerLine.removeAll(keepingCapacity: true)
    state = .trailer
  }
}
