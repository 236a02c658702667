/// Where a message ends in a stream of bytes.
public struct Framing: Sendable {
  /// The longest message that is accepted, in bytes. A connection that sends a longer one is closed.
  public let maximumLength: Int

  private let length: @Sendable (RawSpan) throws -> Int?

  /// A framing of one's own.
  ///
  /// - Parameters:
  ///   - maximumLength: the longest message in bytes. Default: 1 MiB.
  ///   - length: given the bytes received so far, of which the first begin a message: that message's length in bytes, 1 or
  ///     more, as soon as it can be told, and `nil` before. Throwing closes the connection.
  public init(maximumLength: Int = 1 << 20, _ length: @escaping @Sendable (_ bytes: RawSpan) throws -> Int?) {
    self.maximumLength = maximumLength
    self.length = length
  }

  /// Messages that end with a line feed, which belongs to them.
  public static let lines = Framing { bytes in
    for index in bytes.byteOffsets where bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) == 10 {
      return index + 1
    }
    return nil
  }

  /// Messages of the same length.
  public static func fixed(length: Int) -> Framing {
    precondition(length > 0, "messages of \(length) bytes: use 1 or more")
    return Framing(maximumLength: length) { _ in length }
  }

  /// Messages after four bytes that hold the number of bytes that follow, the most significant byte first. The four bytes
  /// belong to the message.
  public static let lengthPrefixed = Framing { bytes in
    guard bytes.byteCount >= 4 else { return nil }
    return (0..<4).reduce(0) { $0 << 8 | Int(bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) } + 4
  }

  /// The length of the first message if all of it is there.
  func completeLength(_ bytes: RawSpan) throws -> Int? {
    guard !bytes.isEmpty else { return nil }
    guard let count = try length(bytes) else {
      if bytes.byteCount >= maximumLength { throw FramingError.tooLong(limit: maximumLength) }
      return nil
    }
    if count < 1 { throw FramingError.invalidLength(count) }
    if count > maximumLength { throw FramingError.tooLong(limit: maximumLength) }
    return count <= bytes.byteCount ? count : nil
  }
}
