/// An image's layout, every number little-endian: the mark, the number of keys (8 bytes), the keys, and the checksum of all
/// bytes before it (8 bytes). A key is: when it ends (8 bytes; milliseconds since 1970, or 0), the lengths of the key and of
/// the value (4 bytes each), the key, the value.
enum ImageFormat {
  /// Who wrote it, and in which version of the layout.
  static let mark = Array("GYREKV01".utf8)
  static let headSize = 16
  static let entryHeadSize = 16
  static let checksumSize = 8
}
