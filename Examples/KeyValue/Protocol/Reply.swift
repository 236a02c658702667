/// Answers that wait to be sent, as RESP2.
struct Reply {
  private(set) var bytes: [UInt8] = []
  /// Whether the connection is to be closed after these.
  private(set) var isLast = false

  /// Memory that an idle connection may keep.
  private static let idleCapacity = 16 << 10

  var isEmpty: Bool { bytes.isEmpty }

  /// Forgets what was sent.
  mutating func clear() { bytes.removeAll(keepingCapacity: bytes.capacity <= Reply.idleCapacity) }

  /// Makes these the last ones.
  mutating func end() { isLast = true }

  mutating func ok() { append("+OK\r\n") }

  mutating func null() { append("$-1\r\n") }

  mutating func simple(_ text: StaticString) {
    append("+")
    append(text)
    endLine()
  }

  /// - Parameter text: begins with a kind in upper case, `ERR` if there is no other.
  mutating func error(_ text: String) {
    append("-")
    // A line's end would begin another reply.
    bytes.append(contentsOf: text.utf8.map { $0 < 0x20 ? UInt8(ascii: " ") : $0 })
    endLine()
  }

  mutating func integer(_ number: Int64) {
    append(":")
    decimal(number)
    endLine()
  }

  mutating func bulk(_ content: RawSpan) {
    append("$")
    decimal(Int64(content.byteCount))
    endLine()
    content.withUnsafeBytes { bytes.append(contentsOf: $0) }
    endLine()
  }

  mutating func bulk(_ text: String) { bulk(Array(text.utf8).span.bytes) }

  /// The head of an array; its elements follow.
  mutating func array(count: Int) {
    append("*")
    decimal(Int64(count))
    endLine()
  }

  @inline(__always)
  private mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  @inline(__always)
  private mutating func endLine() { append("\r\n") }

  @inline(__always)
  private mutating func decimal(_ number: Int64) {
    if (0...9).contains(number) { return bytes.append(UInt8(ascii: "0") + UInt8(number)) }
    Decimal.withDigits(of: number) { bytes.append(contentsOf: $0) }
  }
}
