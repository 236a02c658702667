/// The messages of one connection's stream.
struct MessageStream {
  private let framing: Framing
  private var bytes: [UInt8] = []
  /// Bytes at the front that have been given out as messages.
  private var used = 0

  init(_ framing: Framing) { self.framing = framing }

  mutating func append(_ chunk: borrowing Chunk) {
    if used > 0 {
      bytes.removeFirst(used)
      used = 0
    }
    bytes.append(contentsOf: UnsafeRawBufferPointer(start: chunk.start, count: chunk.count))
  }

  /// The next message that is there whole.
  mutating func next() throws -> [UInt8]? {
    guard let count = try framing.completeLength(bytes.span.bytes.extracting(used...)) else { return nil }
    defer { used += count }
    return Array(bytes[used..<used + count])
  }
}
