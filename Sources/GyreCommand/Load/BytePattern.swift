import Glibc

/// Bytes of which a stream's position says what they have to be, so that a lost, doubled or misplaced one is noticed.
struct BytePattern: Sendable {
  /// A prime, so that no buffer's size divides it: what comes back from another place differs.
  private static let period = 65_521

  /// The period, and as much of the next as one call may need.
  private let bytes: [UInt8]
  /// The most bytes that `withBytes` can hand out at once.
  let longest: Int

  /// - Parameter longest: the most bytes that are asked for at once.
  init(longest: Int) {
    self.longest = longest
    // A linear congruential generator's upper bits, from a fixed seed: the same bytes every time. Knuth, MMIX
    var state: UInt64 = 1
    let once = (0..<BytePattern.period).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    bytes = (0..<(BytePattern.period + longest)).map { once[$0 % BytePattern.period] }
  }

  /// The `count` bytes from a position on.
  @_lifetime(borrow self)
  func bytes(at position: Int, count: Int) -> RawSpan {
    let start = position % BytePattern.period
    return bytes.span.bytes.extracting(start..<(start + count))
  }

  /// Whether `received` is what belongs at a position.
  func matches(_ received: RawSpan, at position: Int) -> Bool {
    var offset = 0
    while offset < received.byteCount {
      let count = min(received.byteCount - offset, longest)
      let expected = bytes(at: position + offset, count: count)
      guard BytePattern.areEqual(expected, received.extracting(offset..<(offset + count))) else { return false }
      offset += count
    }
    return true
  }

  private static func areEqual(_ one: RawSpan, _ other: RawSpan) -> Bool {
    one.withUnsafeBytes { one in
      // Both have the same number of bytes, and are borrowed until the call returns.
      other.withUnsafeBytes { memcmp(one.baseAddress!, $0.baseAddress!, one.count) == 0 }
    }
  }
}
