import CLiburing
import Glibc

/// The buffers that a loop receives into: a block of equal buffers, lent to chunks and given back.
///
/// Idle connections hold none. Under io_uring free ones are in a ring that the kernel takes from
/// (`io_uring_register_buf_ring(3)`); under epoll they are in a list that the driver takes from. The kernel takes the ring's
/// buffers in turn, so all of them would pass through the caches: the ring gets a working set that begins small and doubles
/// when it runs low, and the rest stay in reserve, untouched memory. Used on the loop's thread only.
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
  private var reserve: [UInt16] = []
  private var inRing = 0
  /// Buffers that are put into the ring before others go into the reserve.
  private var workingSet: Int
  private var ring: UnsafeMutablePointer<io_uring_buf_ring>?
  /// Where in the ring each buffer was put last. Freed in `deinit`; only this class reaches it.
  private let places: UnsafeMutablePointer<UInt16>
  private let ringLength: Int
  private let mostBeforeScarce: Int

  /// The working set of a loop that keeps up: what recent kernels receive in one call (20 messages), and room for twice
  /// that which tasks hold.
  private static let fewest = 64

  /// - Throws: `ENOMEM` if there is no address space for them.
  init(count: Int, size: Int) throws(Errno) {
    precondition(count > 0 && count <= 32768 && count & (count - 1) == 0 && size > 0, "checked by the configuration")
    self.count = count
    self.size = size
    mostBeforeScarce = count / 4 * 3
    workingSet = min(count, BufferPool.fewest)
    blockLength = count * size
    ringLength = count * MemoryLayout<io_uring_buf>.stride
    block = try BufferPool.map(blockLength)
    places = .allocate(capacity: count)
    places.initialize(repeating: 0, count: count)
  }

  deinit {
    places.deallocate()
    munmap(block, blockLength)
    if let ring { munmap(ring, ringLength) }
  }

  /// Whether so few are free that each connection has to make do with one.
  @inline(__always)
  var isScarce: Bool { held > mostBeforeScarce }

  /// Whether the next receive finds one, as far as the completions tell that the loop has taken in.
  var hasFree: Bool { ring == nil ? !free.isEmpty : inRing > 0 }

  /// Makes a ring of the working set, for the kernel to take from.
  ///
  /// - Throws: `ENOMEM` if there is no address space for it.
  func makeRing() throws(Errno) -> UnsafeMutablePointer<io_uring_buf_ring> {
    let memory = try BufferPool.map(ringLength)
    let ring = memory.bindMemory(to: io_uring_buf_ring.self, capacity: 1)
    self.ring = ring
    io_uring_buf_ring_init(ring)
    for index in 0..<workingSet { add(UInt16(index), to: ring) }
    reserve = (workingSet..<count).reversed().map { UInt16($0) }
    return ring
  }

  /// Puts all buffers into the list that `take` takes from.
  func makeList() { free = (0..<UInt16(count)).reversed() }

  /// A free buffer of the list.
  func take() -> UInt16? {
    guard let index = free.popLast() else { return nil }
    return index
  }

  /// Counts the buffers that a completion carries as held.
  @inline(__always)
  func lend(_ number: Int = 1) {
    held += number
    guard let ring else { return }
    inRing -= number
    // Before it runs out: a receive that finds no buffer ends, and has to be armed again.
    if inRing < workingSet / 4 && !reserve.isEmpty { widen(ring) }
  }

  /// Counts a receive that found no free buffer.
  func noteExhaustion() {
    exhaustions += 1
    if let ring { widen(ring) }
  }

  /// Doubles the working set, and adds from the reserve as many as the kernel can take now.
  @inline(never)
  private func widen(_ ring: UnsafeMutablePointer<io_uring_buf_ring>) {
    workingSet = min(workingSet * 2, count)
    for _ in 0..<min(reserve.count, max(workingSet - inRing, 0)) { add(reserve.removeLast(), to: ring) }
  }

  /// Frees a buffer that was counted as held.
  @inline(__always)
  func giveBack(_ index: UInt16) {
    held -= 1
    putBack(index)
  }

  /// How many buffers so many bytes are in: a completion without bytes carries one, too.
  @inline(__always)
  func number(for bytes: Int) -> Int { bytes <= size ? 1 : (bytes + size - 1) / size }

  /// The buffer that the kernel filled after `index` in a completion that carries several.
  ///
  /// It takes them in the order of the ring. The place after a buffer's own is not used again before that buffer has been given
  /// back and the ring has gone round.
  func buffer(after index: UInt16) -> UInt16 {
    // Within the ring's memory: the mask keeps the place below `count`. It was bound as a ring, which is these entries.
    let entries = UnsafeRawPointer(ring!).assumingMemoryBound(to: io_uring_buf.self)
    return entries[(Int(places[Int(index)]) + 1) & (count - 1)].bid
  }

  /// Frees a buffer that the kernel took and nobody is to have.
  func takeBack(_ index: UInt16) {
    lend()
    giveBack(index)
  }

  /// Frees a buffer that no completion carried.
  @inline(__always)
  func putBack(_ index: UInt16) {
    guard let ring else { return free.append(index) }
    if inRing < workingSet { add(index, to: ring) } else { reserve.append(index) }
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

  @inline(__always)
  private func add(_ index: UInt16, to ring: UnsafeMutablePointer<io_uring_buf_ring>) {
    places[Int(index)] = ring.pointee.tail & UInt16(truncatingIfNeeded: count - 1)
    io_uring_buf_ring_add(ring, address(of: index), UInt32(size), index, Int32(count - 1), 0)
    io_uring_buf_ring_advance(ring, 1)
    inRing += 1
  }

  private static func map(_ length: Int) throws(Errno) -> UnsafeMutableRawPointer {
    let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else { throw Errno.current }
    // A forked child has no use for it, and the parent would copy each page that it receives into meanwhile.
    madvise(memory, length, MADV_DONTFORK)
    return memory
  }
}
