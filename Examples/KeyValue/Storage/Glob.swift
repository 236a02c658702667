/// A pattern for keys: `*` is any number of bytes, `?` is one, `[a-c]` one of these, `[^a]` any other; a backslash takes
/// the meaning from what follows it.
///
/// The pattern is followed at all its places at once, one bit for each, so that nothing is tried again: a text takes as many
/// steps as it has bytes, each of a word for every 64 bytes of the pattern, whatever both are.
struct Glob {
  /// Bytes that a pattern may have.
  static let most = 1024

  /// Whether the bit of a place is set: what is before it has fitted.
  private typealias Places = [UInt64]

  /// Places whose next byte may be this one: `words` words for each byte.
  private var taking: [UInt64]
  /// Places at which any number of bytes may be.
  private var staying: Places
  /// Words of the bits of all places.
  private let words: Int
  /// The place behind the pattern.
  private var end = 0

  /// `nil` if the pattern has more than `most` bytes.
  init?(_ pattern: RawSpan) {
    guard pattern.byteCount <= Glob.most else { return nil }
    words = pattern.byteCount / 64 + 1
    taking = Array(repeating: 0, count: 256 * words)
    staying = Array(repeating: 0, count: words)
    var bytes = pattern.withUnsafeBytes { Array($0) }[...]
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): staying[end / 64] |= 1 << UInt64(end % 64)
      case UInt8(ascii: "?"): take(0...255)
      case UInt8(ascii: "["): take(oneOf: &bytes)
      default: take(CollectionOfOne(Glob.literal(byte, &bytes)))
      }
    }
  }

  /// Whether all of `text` fits.
  func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    var places: Places = Array(repeating: 0, count: words)
    places[0] = 1
    for byte in text where !follow(byte, &places) { return false }
    return places[end / 64] & 1 << UInt64(end % 64) != 0
  }

  /// Goes on by a byte. False if no place is left.
  private func follow(_ byte: UInt8, _ places: inout Places) -> Bool {
    var (carry, all): (UInt64, UInt64) = (0, 0)
    for word in 0..<words {
      let taken = places[word] & taking[Int(byte) * words + word]
      places[word] = places[word] & staying[word] | taken << 1 | carry
      carry = taken >> 63
      all |= places[word]
    }
    return all != 0
  }

  // MARK: Reading a pattern

  /// Lets the last place take one of `bytes`, and makes the next one.
  private mutating func take(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { taking[Int(byte) * words + end / 64] |= 1 << UInt64(end % 64) }
    end += 1
  }

  private static func literal(_ byte: UInt8, _ bytes: inout ArraySlice<UInt8>) -> UInt8 {
    byte == UInt8(ascii: "\\") ? bytes.popFirst() ?? byte : byte
  }

  /// Takes what is between brackets, of which the first one has been taken.
  private mutating func take(oneOf bytes: inout ArraySlice<UInt8>) {
    var set: Set<UInt8> = []
    let isExcluded = bytes.first == UInt8(ascii: "^")
    if isExcluded { bytes.removeFirst() }
    while let byte = bytes.popFirst(), byte != UInt8(ascii: "]") {
      let first = Glob.literal(byte, &bytes)
      guard bytes.count > 1, bytes.first == UInt8(ascii: "-"), bytes.dropFirst().first != UInt8(ascii: "]") else {
        set.insert(first)
        continue
      }
      bytes.removeFirst()
      let last = Glob.literal(bytes.removeFirst(), &bytes)
      set.formUnion(min(first, last)...max(first, last))
    }
    take((0...255).filter { set.contains($0) != isExcluded })
  }
}
