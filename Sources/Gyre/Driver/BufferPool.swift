import CLiburing
import Glibc

/// The buffers that a loop receives into: a block of equal buffers, lent to chunks and given back.
///
/// Idle connections hold none. Under io_uring free ones are in a ring that the kernel takes from (`BufferRing`); under epoll
/// they are in a list that the driver takes from. Used on the loop's thread only.
final class BufferPool {
  /// The number of buffers; a power of two.
  let count: Int
  /// Bytes in each.
  let size: Int
  /// Buffers that chunks hold, or that hold bytes nobody has asked for yet.
  private(set) var held = 0
  /// Times that a receive found no free buffer.
  private(set) var exhaustions: UInt64 = 0
  /// Pieces of memory allocated because of that, and not given back yet.
  private(set) var allocated = 0

  // Both blocks are freed in `deinit`, after the driver has torn its ring down: the pool is the driver's, and a chunk
  // holds the pool through its socket and loop.
  private let block: UnsafeMutableRawPointer
  private let blockLength: Int
  private var free: [UInt16] = []
  // @exclusivity: as in `StreamSocket`, each access is one call that calls nothing back.
  @exclusivity(unchecked) private var ring: BufferRing?
  private let mostBeforeScarce: Int

  /// - Throws: `ENOMEM` if there is no address space for them.
  init(count: Int, size: Int) throws(Errno) {
    precondition(count > 0 && count <= 32768 && count & (count - 1) == 0 && size > 0, "checked by the configuration")
    self.count = count
    self.size = size
    mostBeforeScarce = count / 4 * 3
    blockLength = count * size
    block = try BufferPool.map(blockLength)
  }

  deinit { munmap(block, blockLength) }

  /// Whether so few are free that each connection has to make do with one.
  @inline(__always)
  var isScarce: Bool { held > mostBeforeScarce }

  /// Whether the next receive finds one, as far as the completions tell that the loop has taken in.
  var hasFree: Bool { (ring?.available ?? free.count) > 0 }

  /// Makes a ring for the kernel to take from, which is registered at `ringMemory`.
  ///
  /// - Throws: `ENOMEM` if there is no address space for it.
  func makeRing() throws(Errno) { ring = try BufferRing(block: block, count: count, size: size) }

  /// The ring's memory; `nil` if there is none. Valid as long as the pool.
  var ringMemory: UnsafeMutablePointer<io_uring_buf_ring>? { ring?.memory }

  /// No receive can take more than one connection's share.
  func receivesAreLimited() { ring?.receivesAreLimited() }

  /// Puts all buffers into the list that `take` takes from.
  func makeList() { free = (0..<UInt16(count)).reversed() }

  /// A free buffer of the list.
  func take() -> UInt16? { free.popLast() }

  /// Counts the buffers that a completion carries as held: the first one, and as many after it as the bytes fill.
  @inline(__always)
  func lend(from first: UInt16, for bytes: Int) {
    let number = ring?.number(from: first, for: bytes) ?? 1
    held += number
    ring?.take(number)
  }

  /// How many of `bytes` are in a held buffer, and which one the others begin in.
  @inline(__always)
  func piece(of bytes: Int, in index: UInt16) -> (count: Int, next: UInt16?) {
    guard let length = ring?.length(of: index), length < bytes else { return (bytes, nil) }
    return (length, ring!.buffer(after: index))
  }

  /// Counts a receive that found no free buffer.
  func noteExhaustion() {
    exhaustions += 1
    ring?.noteExhaustion()
  }

  /// Notes that it was the receive of a connection that holds less than its share.
  func noteShortage() { ring?.noteShortage() }

  /// Frees a buffer that was counted as held.
  @inline(__always)
  func giveBack(_ index: UInt16) {
    held -= 1
    putBack(index)
  }

  /// Frees a buffer that the kernel took and nobody is to have.
  func takeBack(_ index: UInt16) {
    lend(from: index, for: 0)
    giveBack(index)
  }

  /// Frees a buffer that no completion carried.
  @inline(__always)
  func putBack(_ index: UInt16) {
    if ring == nil { free.append(index) } else { ring!.putBack(index) }
  }

  /// Memory of a buffer's size beside the pool, for a task that waits for bytes while others hold all buffers.
  func allocate() -> UnsafeMutableRawPointer {
    allocated += 1
    return .allocate(byteCount: size, alignment: 16)
  }

  /// Frees what `allocate` returned.
  func deallocate(_ memory: UnsafeMutableRawPointer) {
    allocated -= 1
    memory.deallocate()
  }

  /// Where a buffer is. Valid while the pool lives and the buffer is held.
  @inline(__always)
  func address(of index: UInt16) -> UnsafeMutableRawPointer { block + Int(index) * size }

  /// Address space that a forked child does not get: it has no use for it, and the parent would copy each page that it
  /// receives into meanwhile.
  static func map(_ length: Int) throws(Errno) -> UnsafeMutableRawPointer {
    let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else { throw Errno.current }
    madvise(memory, length, MADV_DONTFORK)
    return memory
  }
}
