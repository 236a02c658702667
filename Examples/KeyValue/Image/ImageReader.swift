import Glibc
import Gyre

/// Reads an image into a table. It believes nothing that the file says before it has checked it.
struct ImageReader {
  private let path: String
  private let file: Int32
  private let size: Int
  private var buffer: [UInt8] = []
  /// Where the buffer's first unused byte is, in the buffer and in the file.
  private var used = 0
  private var offset = 0
  private var checksum = Checksum()

  private static let bufferSize = 1 << 20

  /// The table of the image; `nil` if there is no file of that name.
  static func load(_ path: String) throws(ImageError) -> Table? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 && errno == ENOENT { return nil }
    guard file >= 0 else { throw .system(.open, path: path, Errno(rawValue: errno)) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .system(.open, path: path, Errno(rawValue: errno)) }
    var reader = ImageReader(path: path, file: file, size: Int(status.st_size))
    return try reader.table()
  }

  private init(path: String, file: Int32, size: Int) {
    self.path = path
    self.file = file
    self.size = size
  }

  private mutating func table() throws(ImageError) -> Table {
    guard size >= ImageFormat.headSize + ImageFormat.checksumSize else { throw damaged("it is too short") }
    guard try bytes(ImageFormat.mark.count).elementsEqual(ImageFormat.mark) else {
      throw damaged("it does not begin like an image of this version")
    }
    let count: UInt64 = try number()
    let table = Table()
    for _ in 0..<count { try readEntry(into: table) }
    guard rest == ImageFormat.checksumSize else { throw damaged("it is longer than its keys") }
    let expected = checksum.value
    guard try number() == expected else { throw damaged("its checksum is not that of its bytes") }
    guard table.count == count else { throw damaged("it has a key twice") }
    return table
  }

  private mutating func readEntry(into table: Table) throws(ImageError) {
    guard rest >= ImageFormat.entryHeadSize + ImageFormat.checksumSize else { throw damaged("it ends within its keys") }
    let expiry: Int64 = try number()
    let keyLength = Int(try number() as UInt32)
    let valueLength = Int(try number() as UInt32)
    guard expiry >= 0, keyLength + valueLength <= min(rest - ImageFormat.checksumSize, RequestParser.Limit.request)
    else {
      throw damaged("a key’s length cannot be right")
    }
    let both = try bytes(keyLength + valueLength)
    both.withUnsafeBytes { both in
      let value = UnsafeRawBufferPointer(rebasing: both[keyLength...])
      let entry = table.set(UnsafeRawBufferPointer(rebasing: both[..<keyLength]), to: value)
      table.setExpiry(of: entry, to: expiry)
    }
  }

  // MARK: Bytes

  /// Bytes of the file after the used ones.
  private var rest: Int { size - offset }

  private mutating func number<Number: FixedWidthInteger>() throws(ImageError) -> Number {
    try bytes(MemoryLayout<Number>.size).withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(as: Number.self)) }
  }

  /// The next bytes. There are at least so many before the end of the file, or it has shrunk meanwhile.
  private mutating func bytes(_ count: Int) throws(ImageError) -> ArraySlice<UInt8> {
    if buffer.count - used < count { try fill(count) }
    defer {
      used += count
      offset += count
    }
    let bytes = buffer[used..<used + count]
    bytes.withUnsafeBytes { checksum.add($0) }
    return bytes
  }

  private mutating func fill(_ count: Int) throws(ImageError) {
    buffer.removeSubrange(..<used)
    used = 0
    var failure: Errno?
    let kept = buffer.count
    buffer += [UInt8](repeating: 0, count: max(ImageReader.bufferSize, count - kept))
    var filled = kept
    while filled < count && failure == nil {
      // The array's memory is the call's until it returns.
      let result = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress! + filled, $0.count - filled) }
      if result > 0 { filled += result }
      if result == 0 { break }
      if result < 0 && errno != EINTR { failure = Errno(rawValue: errno) }
    }
    buffer.removeSubrange(filled...)
    if let failure { throw .system(.read, path: path, failure) }
    if filled < count { throw damaged("it ends too early") }
  }

  private func damaged(_ what: String) -> ImageError { .damaged(path: path, offset: offset, what) }
}
