/// Answers that wait to be sent, as bytes.
struct ResponseWriter {
  private(set) var bytes: [UInt8] = []

  /// Memory that an idle connection may keep.
  private static let idleCapacity = 16 << 10

  /// Forgets what was sent.
  mutating func clear() { bytes.removeAll(keepingCapacity: bytes.capacity <= ResponseWriter.idleCapacity) }

  /// The promise that a body will be read, to a client that waits for it.
  mutating func goOn() { append("HTTP/1.1 100 Continue\r\n\r\n") }

  /// - Parameters:
  ///   - request: what it answers; `nil` if that could not be made out.
  ///   - isLast: whether the connection is closed after it.
  mutating func append(_ response: Response, to request: Request?, isLast: Bool) {
    append("HTTP/1.1 ")
    append(response.status.rawValue)
    append(" ")
    append(response.status.reason)
    append("\r\nDate: ")
    bytes.append(contentsOf: DateText.now)
    append("\r\nContent-Length: ")
    append(response.body.count)
    append("\r\nContent-Type: ")
    append(response.type)
    if !response.allowed.isEmpty {
      append("\r\nAllow: ")
      bytes.append(contentsOf: response.allowed.map(\.rawValue).joined(separator: ", ").utf8)
    }
    if isLast {
      append("\r\nConnection: close")
    } else if request?.isOld == true {
      append("\r\nConnection: keep-alive")
    }
    append("\r\n\r\n")
    if request?.method != .head { bytes.append(contentsOf: response.body) }
  }

  @inline(__always)
  private mutating func append(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

  private mutating func append(_ number: Int) {
    if number >= 10 { append(number / 10) }
    bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}
