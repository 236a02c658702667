import Glibc

/// Where a message ends in a stream of bytes.
public struct Framing: Sendable {
  /// The longest message that is accepted, in bytes. A connection that sends a longer one is closed.
  public let maximumLength: Int

  private let length: @Sendable (RawSpan, Int) throws -> Int?

  /// A framing of one's own.
  ///
  /// The closure is called when bytes have arrived, until it tells the message's length; then not before the next message.
  /// If it looks only at what is new, a message costs as much in many small pieces as in one.
  ///
  /// - Parameters:
  ///   - maximumLength: the longest message in bytes. Default: 1 MiB.
  ///   - length: given the bytes received so far, of which the first begin a message: that message's length in bytes, 1 or
  ///     more, as soon as it can be told, and `nil` before. The first `seen` bytes are those of the last call, which
  ///     returned `nil`; 0 for a new message. Throwing closes the connection.
  public init(
    maximumLength: Int = 1 << 20,
    _ length: @escaping @Sendable (_ bytes: RawSpan, _ seen: Int) throws -> Int?
  ) {
    self.maximumLength = maximumLength
    self.length = length
  }

  /// Messages that end with a line feed, which belongs to them.
  public static let lines = Framing { bytes, seen in
    bytes.withUnsafeBytes { bytes in
      // Within the span, which is borrowed until the closure returns, and neither empty nor all seen. memchr(3)
      guard let start = bytes.baseAddress, let end = memchr(start + seen, 10, bytes.count - seen) else { return nil }
      return UnsafeRawPointer(end) - start + 1
    }
  }

  /// Messages of the same length.
  public static func fixed(length: Int) -> Framing {
    if length < 1 { fatalError("messages of \(length) bytes: use 1 or more") }
    return Framing(maximumLength: length) { _, _ in length }
  }

  /// Messages after four bytes that hold the number of bytes that follow, the most significant byte first. The four bytes
  /// belong to the message.
  public static let lengthPrefixed = Framing { bytes, _ in
    guard bytes.byteCount >= 4 else { return nil }
    return (0..<4).reduce(0) { $0 << 8 | Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) } + 4
  }

  /// The length of the message that `bytes` begin with, as soon as it can be told.
  ///
  /// - Parameter seen: how many of the bytes were there at the last call, if it was about the same message.
  /// - Throws: `FramingError`, or what the framing's own closure throws.
  func firstLength(in bytes: RawSpan, seen: Int) throws -> Int? {
    guard bytes.byteCount > seen else { return nil }
    guard let count = try length(bytes, seen) else {
      if bytes.byteCount >= maximumLength { throw FramingError.tooLong(limit: maximumLength) }
      return nil
    }
    if count < 1 { throw FramingError.invalidLength(count) }
    if count > maximumLength { throw FramingError.tooLong(limit: maximumLength) }
    return count
  }
}
