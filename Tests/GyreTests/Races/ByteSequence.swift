/// An endless sequence in which every byte tells its place, so that a lost, repeated or moved one shows.
enum ByteSequence {
  static func byte(_ position: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (UInt64(truncatingIfNeeded: position) &* 0x9E37_79B9_7F4A_7C15) >> 56)
  }

  static func bytes(_ range: Range<Int>) -> [UInt8] { range.map(byte) }
}
