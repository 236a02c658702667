import Glibc
import Gyre

/// Writes all keys into a file, so that the file of that name is always a whole one: into a file beside it, to the disk,
/// then under its name, and the name to the disk.
struct ImageWriter {
  private let path: String
  private let file: Int32
  private var buffer: [UInt8] = []
  private var checksum = Checksum()
  private(set) var size = 0

  private static let bufferSize = 256 << 10

  /// The file beside `path` that is being written.
  static func temporaryPath(for path: String) -> String { path + ".saving" }

  /// - Returns: the size of the image.
  static func save(_ table: Table, to path: String) throws(ImageError) -> Int {
    let temporary = temporaryPath(for: path)
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .system(.create, path: temporary, Errno(rawValue: errno)) }
    do throws(ImageError) {
      defer { close(file) }
      var writer = ImageWriter(path: temporary, file: file)
      try writer.write(table)
      guard fsync(file) == 0 else { throw .system(.sync, path: temporary, Errno(rawValue: errno)) }
      guard rename(temporary, path) == 0 else { throw .system(.rename, path: temporary, Errno(rawValue: errno)) }
      try syncDirectory(of: path)
      return writer.size
    } catch {
      unlink(temporary)
      throw error
    }
  }

  private init(path: String, file: Int32) {
    self.path = path
    self.file = file
    buffer.reserveCapacity(ImageWriter.bufferSize)
  }

  private mutating func write(_ table: Table) throws(ImageError) {
    buffer += ImageFormat.mark
    append(UInt64(table.count))
    try table.forEach { (entry) throws(ImageError) in try write(entry) }
    try flush()
    append(checksum.value)
    try flush()
  }

  private mutating func write(_ entry: Entry) throws(ImageError) {
    append(entry.header.pointee.expiry)
    append(entry.header.pointee.keyLength)
    append(entry.header.pointee.valueLength)
    buffer.append(contentsOf: entry.key)
    buffer.append(contentsOf: entry.value)
    if buffer.count >= ImageWriter.bufferSize { try flush() }
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private mutating func flush() throws(ImageError) {
    buffer.withUnsafeBytes { checksum.add($0) }
    size += buffer.count
    var written = 0
    while written < buffer.count {
      // The array's memory is the call's until it returns.
      let result = buffer.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, $0.count - written) }
      if result > 0 { written += result }
      if result < 0 && errno != EINTR { throw .system(.write, path: path, Errno(rawValue: errno)) }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private static func syncDirectory(of path: String) throws(ImageError) {
    let end = path.lastIndex(of: "/")
    let directory = open(end.map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(directory) }
    guard directory >= 0, fsync(directory) == 0 else {
      throw .system(.syncDirectory, path: path, Errno(rawValue: errno))
    }
  }
}
