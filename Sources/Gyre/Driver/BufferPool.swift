import CLiburing
import Glibc

/// The buffers that a loop receives into: a block of equal buffers, lent to chunks and given back.
///
/// Idle connections hold none. Under io_uring the free ones are in a ring that the kernel takes from
/// (`io_uring_register_buf_ring(3)`); under epoll they are in a list that the driver takes from. Used on the loop's thread
/// only.
final class BufferPool {
  /// The number of buffers; a power of two.
  let count: Int
  /// Bytes in each.
  let size: Int
  /// Buffers that chunks hold, or that hold bytes nobody has asked for yet.
  private(set) var held = 0
  /// Times that a receive found no free buffer.
  private(set) var exhaustions: UInt64 = 0

  // Both blocks are freed in `deinit`, after the driver has torn its ring down: the pool is the driver's, and a chunk
  // holds the pool through its socket and loop.
  private let block: UnsafeMutableRawPointer
  private let blockLength: Int
  private var free: [UInt16] = []
  private var ring: UnsafeMutablePointer<io_uring_buf_ring>?
  private let ringLength: Int

  init(count: Int, size: Int) {
    precondition(count > 0 && count <= 32768 && count & (count - 1) == 0 && size > 0, "checked by the configuration")
    self.count = count
    self.size = size
    blockLength = count * size
    ringLength = count * MemoryLayout<io_uring_buf>.stride
    block = BufferPool.map(blockLength)
  }

  deinit {
    munmap(block, blockLength)
    if let ring { munmap(ring, ringLength) }
  }

  /// Fills a ring with all buffers, for the kernel to take from.
  func makeRing() -> UnsafeMutablePointer<io_uring_buf_ring> {
    let memory = BufferPool.map(ringLength)
    let ring = memory.bindMemory(to: io_uring_buf_ring.self, capacity: 1)
    self.ring = ring
    io_uring_buf_ring_init(ring)
    for index in 0..<count { add(UInt16(index), to: ring) }
    return ring
  }

  /// Puts all buffers into the list that `take` takes from.
  func makeList() { free = (0..<UInt16(count)).reversed() }

  /// A free buffer of the list.
  func take() -> UInt16? {
    guard let index = free.popLast() else { return nil }
    return index
  }

  /// Counts a buffer as held, from the completion that carries it.
  @inline(__always)
  func lend() { held += 1 }

  /// Counts a receive that found the pool empty.
  func noteExhaustion() { exhaustions += 1 }

  /// Frees a buffer that was counted as held.
  @inline(__always)
  func giveBack(_ index: UInt16) {
    held -= 1
    putBack(index)
  }

  /// Frees a buffer that no completion carried.
  @inline(__always)
  func putBack(_ index: UInt16) {
    if let ring { add(index, to: ring) } else { free.append(index) }
  }

  /// Where a buffer is. Valid while the pool lives and the buffer is held.
  @inline(__always)
  func address(of index: UInt16) -> UnsafeMutableRawPointer { block + Int(index) * size }

  @inline(__always)
  private func add(_ index: UInt16, to ring: UnsafeMutablePointer<io_uring_buf_ring>) {
    io_uring_buf_ring_add(ring, address(of: index), UInt32(size), index, Int32(count - 1), 0)
    io_uring_buf_ring_advance(ring, 1)
  }

  private static func map(_ length: Int) -> UnsafeMutableRawPointer {
    let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(memory != UnsafeMutableRawPointer(bitPattern: -1), "no address space for the loop's buffers")
    return memory!
  }
}
