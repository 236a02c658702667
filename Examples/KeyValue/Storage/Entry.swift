import Glibc

/// A key with its value: one block of memory, in the order header, key, value.
///
/// The pointer is valid until the table frees or moves the entry: whoever gets an entry uses it before the next change.
struct Entry {
  struct Header {
    /// The next entry of the same bucket.
    var next: UnsafeMutableRawPointer?
    /// Milliseconds since 1970 at which the key ends; 0 if it does not.
    var expiry: Int64
    var hash: UInt32
    var keyLength: UInt32
    var valueLength: UInt32
    /// Bytes that a value may have without another block.
    var capacity: UInt32
  }

  let block: UnsafeMutableRawPointer

  private static let headerSize = MemoryLayout<Header>.size

  @inline(__always)
  var header: UnsafeMutablePointer<Header> { block.assumingMemoryBound(to: Header.self) }

  @inline(__always)
  var key: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: block + Entry.headerSize, count: Int(header.pointee.keyLength))
  }

  @inline(__always)
  var value: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: block + Entry.headerSize + Int(header.pointee.keyLength),
      count: Int(header.pointee.valueLength)
    )
  }

  /// Bytes of the block.
  var size: Int { Entry.headerSize + Int(header.pointee.keyLength) + Int(header.pointee.capacity) }

  @inline(__always)
  func hasKey(_ key: UnsafeRawBufferPointer, hash: UInt32) -> Bool {
    guard header.pointee.hash == hash, Int(header.pointee.keyLength) == key.count else { return false }
    return key.isEmpty || memcmp(block + Entry.headerSize, key.baseAddress!, key.count) == 0
  }

  /// A new entry with room for a value.
  static func make(key: UnsafeRawBufferPointer, hash: UInt32, valueLength: Int) -> Entry {
    let size = size(keyLength: key.count, valueLength: valueLength)
    let entry = Entry(block: malloc(size)!)
    entry.header.initialize(
      to: Header(
        next: nil,
        expiry: 0,
        hash: hash,
        keyLength: UInt32(key.count),
        valueLength: 0,
        capacity: UInt32(size - headerSize - key.count)
      )
    )
    if !key.isEmpty { (entry.block + headerSize).copyMemory(from: key.baseAddress!, byteCount: key.count) }
    return entry
  }

  /// Whether a value of this length belongs into the block as it is: it fits, and leaves no more than half of it unused.
  @inline(__always)
  func suits(valueLength: Int) -> Bool {
    let capacity = Int(header.pointee.capacity)
    return valueLength <= capacity && (capacity <= 64 || valueLength >= capacity / 2)
  }

  /// Replaces the value; there has to be room.
  @inline(__always)
  func setValue(_ value: UnsafeRawBufferPointer) {
    header.pointee.valueLength = UInt32(value.count)
    if !value.isEmpty { self.value.baseAddress!.copyMemory(from: value.baseAddress!, byteCount: value.count) }
  }

  /// Makes the value longer, with zeros at its end; there has to be room.
  func extend(to length: Int) {
    let old = Int(header.pointee.valueLength)
    guard length > old else { return }
    header.pointee.valueLength = UInt32(length)
    memset(value.baseAddress! + old, 0, length - old)
  }

  /// The same entry in a block that suits another length of value, with as much of its value as fits.
  func resized(valueLength: Int) -> Entry {
    let keyLength = Int(header.pointee.keyLength)
    let size = Entry.size(keyLength: keyLength, valueLength: valueLength)
    let entry = Entry(block: realloc(block, size)!)
    entry.header.pointee.capacity = UInt32(size - Entry.headerSize - keyLength)
    entry.header.pointee.valueLength = min(entry.header.pointee.valueLength, UInt32(valueLength))
    return entry
  }

  @inline(__always)
  func hasEnded(at now: Int64) -> Bool { header.pointee.expiry != 0 && header.pointee.expiry <= now }

  func free() { Glibc.free(block) }

  /// What the allocator gives anyhow: its blocks are multiples of 16 bytes, 8 of which are its own.
  private static func size(keyLength: Int, valueLength: Int) -> Int {
    (headerSize + keyLength + valueLength + 8 + 15) / 16 * 16 - 8
  }
}
