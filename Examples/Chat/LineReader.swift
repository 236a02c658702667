import Gyre

/// Cuts a connection's bytes into lines. Keeps one chunk's lines and the beginning of the next, whatever the peer sends.
struct LineReader {
  /// Bytes of a line, without its end.
  static let longest = 1000

  private let connection: TCPConnection
  private var complete: ArraySlice<Line> = []
  private var partial: [UInt8] = []
  private var isTooLong = false

  init(_ connection: TCPConnection) { self.connection = connection }

  /// The next line; `nil` at the end of the stream, where a line without its end does not count.
  mutating func next() async throws -> Line? {
    while complete.isEmpty {
      guard let chunk = try await connection.receive() else { return nil }
      complete = []
      for byte in chunk.copy() { take(byte) }
    }
    return complete.popFirst()
  }

  private mutating func take(_ byte: UInt8) {
    if byte == UInt8(ascii: "\n") {
      complete.append(finish())
    } else if partial.count < LineReader.longest {
      partial.append(byte)
    } else {
      isTooLong = true
    }
  }

  private mutating func finish() -> Line {
    defer {
      partial.removeAll(keepingCapacity: true)
      isTooLong = false
    }
    return isTooLong ? .tooLong : .text(PlainText.of(partial))
  }
}
