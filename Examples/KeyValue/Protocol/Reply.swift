/// Answers that wait to be sent, as RESP2 or RESP3.
struct Reply {
  /// Of the protocol: 2 or 3.
  var version = 2
  private(set) var bytes: [UInt8] = []
  /// Whether the connection is to be closed after these.
  private(set) var isLast = false

  /// Memory that an idle connection may keep.
  private static let idleCapacity = 16 << 10
  /// Bytes that may wait. One request can ask for the same long value many times.
  private static let most = 2 * RequestParser.Limit.request

  var isEmpty: Bool { bytes.isEmpty }

  /// Forgets what was sent.
  mutating func clear() { bytes.removeAll(keepingCapacity: bytes.capacity <= Reply.idleCapacity) }

  /// Makes these the last ones.
  mutating func end() { isLast = true }

  mutating func ok() { append("+OK\r\n") }

  mutating func null() { if version == 3 { append("_\r\n") } else { append("$-1\r\n") } }

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

  mutating func bulk(_ content: UnsafeRawBufferPointer) {
    guard bytes.count + content.count <= Reply.most else { return error("ERR these are too many bytes for one answer") }
    append("$")
    decimal(Int64(content.count))
    endLine()
    bytes.append(contentsOf: content)
    endLine()
  }

  mutating func bulk(_ content: RawSpan) { content.withUnsafeBytes { bulk($0) } }

  mutating func bulk(_ text: String) { bulk(Array(text.utf8).span.bytes) }

  /// An entry's value, or a part of it.
  mutating func bulk(_ entry: Entry, _ range: Range<Int>? = nil) {
    let value = UnsafeRawBufferPointer(entry.value)
    bulk(range.map { UnsafeRawBufferPointer(rebasing: value[$0]) } ?? value)
  }

  /// The head of an array; its elements follow.
  mutating func array(count: Int) {
    append("*")
    decimal(Int64(count))
    endLine()
  }

  /// The head of a map; its keys and values follow in turn. In RESP2 it is an array of both.
  mutating func map(count: Int) {
    guard version == 3 else { return array(count: 2 * count) }
    append("%")
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
