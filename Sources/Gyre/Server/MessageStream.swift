/// The messages of one connection's stream. What it does for a message grows with the message's length, in however many
/// pieces it arrives.
struct MessageStream {
  private let framing: Framing
  private var bytes: [UInt8] = []
  /// Bytes at the front that have been given out as messages.
  private var used = 0
  /// Bytes after those that the framing has looked at without an answer.
  private var seen = 0
  /// The length of the message that begins there, once the framing has told it.
  private var length: Int?

  init(_ framing: Framing) { self.framing = framing }

  mutating func append(_ received: RawSpan) {
    if used > 0 {
      bytes.removeFirst(used)
      used = 0
    }
    received.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// The next message that is there whole.
  mutating func next() throws -> [UInt8]? {
    if length == nil {
      length = try framing.firstLength(in: bytes.span.bytes.extracting(used...), seen: seen)
      seen = bytes.count - used
    }
    guard let count = length, count <= bytes.count - used else { return nil }
    (length, seen) = (nil, 0)
    defer { used += count }
    return Array(bytes[used..<used + count])
  }
}
