/// Lines that wait for one member's writer. Bounded: what does not fit is left out, and the member told how much it was.
struct Outbox {
  /// Bytes that may wait here. As many may be on their way to the kernel, which has a buffer of its own.
  private static let limit = 64 * 1024

  private var bytes: [UInt8] = []
  private var leftOut = 0

  var isEmpty: Bool { bytes.isEmpty }

  /// Adds a line, or leaves it out. After the first that is left out, so are all until the writer comes: a gap with
  /// lines in between would be hard to make sense of.
  mutating func add(_ line: String) {
    guard leftOut == 0, bytes.count + line.utf8.count < Outbox.limit else { return leftOut += 1 }
    bytes.append(contentsOf: line.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// All that waits, with a notice at its end if something was left out.
  mutating func takeAll() -> [UInt8] {
    if leftOut > 0 { bytes.append(contentsOf: "* you read too slowly: \(leftOut) lines were left out\n".utf8) }
    defer { self = Outbox() }
    return bytes
  }
}
