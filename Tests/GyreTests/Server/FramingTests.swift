import Testing

@testable import Gyre

/// How a stream is divided into messages, and what that costs.
struct FramingTests {
  /// The messages of `bytes`, which arrive in pieces of so many.
  private func messages(_ framing: Framing, of bytes: [UInt8], inPieces size: Int) throws -> [[UInt8]] {
    var (stream, messages) = (MessageStream(framing), [[UInt8]]())
    for start in stride(from: 0, to: bytes.count, by: size) {
      stream.append(bytes.span.bytes.extracting(start..<min(start + size, bytes.count)))
      while let message = try stream.next() { messages.append(message) }
    }
    return messages
  }

  @Test(arguments: [1, 2, 3, 7, 64, 1000])
  func messagesAreTheSameInPiecesOfAnySize(_ size: Int) throws {
    let lines = ["a\n", "\n", "two words\n", String(repeating: "x", count: 100) + "\n"].map { Array($0.utf8) }
    #expect(try messages(.lines, of: lines.flatMap { $0 } + Array("rest".utf8), inPieces: size) == lines)
    let counted: [[UInt8]] = [[0, 0, 0, 2, 1, 2], [0, 0, 0, 0], [0, 0, 1, 0] + [UInt8](repeating: 10, count: 256)]
    #expect(try messages(.lengthPrefixed, of: counted.flatMap { $0 } + [0, 0], inPieces: size) == counted)
    #expect(try messages(.fixed(length: 3), of: Array(1...8), inPieces: size) == [[1, 2, 3], [4, 5, 6]])
  }

  @Test
  func aFramingLooksAtEachByteOnce() throws {
    let looked = Shared(0)
    let framing = Framing(maximumLength: 2 << 20) { bytes, seen in
      looked.update { $0 += bytes.byteCount - seen }
      return try Framing.lines.firstLength(in: bytes, seen: seen)
    }
    let line = [UInt8](repeating: 120, count: (1 << 20) - 1) + [10]
    let pieces = try messages(framing, of: line + line, inPieces: 16_384)
    #expect(pieces == [line, line])
    #expect(looked.value == 2 << 20)
  }

  @Test
  func aFramingIsAskedNoMoreOnceItHasToldALength() throws {
    let asked = Shared(0)
    let framing = Framing { bytes, seen in
      asked.update { $0 += 1 }
      return try Framing.lengthPrefixed.firstLength(in: bytes, seen: seen)
    }
    let message: [UInt8] = [0, 0, 0xff, 0xfc] + [UInt8](repeating: 1, count: 0xfffc)
    #expect(try messages(framing, of: message + message, inPieces: 16).count == 2)
    #expect(asked.value == 2)
  }

  @Test
  func linesLookAtWhatIsNewOnly() throws {
    let bytes = Array("a\nb".utf8)
    #expect(try Framing.lines.firstLength(in: bytes.span.bytes, seen: 0) == 2)
    #expect(try Framing.lines.firstLength(in: bytes.span.bytes, seen: 2) == nil)
  }

  @Test
  func whatIsTooLongOrHasNoLengthIsAnError() throws {
    let short = Framing(maximumLength: 4) { bytes, seen in try Framing.lines.firstLength(in: bytes, seen: seen) }
    #expect(try messages(short, of: Array("abc\n".utf8), inPieces: 1).count == 1)
    for size in [1, 5] {
      #expect(throws: FramingError.tooLong(limit: 4)) { try messages(short, of: Array("abcd\n".utf8), inPieces: size) }
    }
    #expect(throws: FramingError.tooLong(limit: 1 << 20)) {
      try messages(.lengthPrefixed, of: [0xff, 0xff, 0xff, 0xff], inPieces: 1)
    }
    for length in [0, -1, .min] {
      #expect(throws: FramingError.invalidLength(length)) {
        try messages(Framing { _, _ in length }, of: [1], inPieces: 1)
      }
    }
  }
}
