import CLiburing
import Glibc

/// The ring from which the kernel takes buffers to receive into, and the reserve behind it.
/// `io_uring_register_buf_ring(3)`
///
/// The kernel takes the ring's buffers in turn, so all of them would pass through the caches: the ring gets a working set, and
/// the rest stay in reserve, untouched memory. The set begins small, doubles when the ring runs low, and halves again when
/// it has long been half full.
///
/// Where a receive can be limited, a ring that runs low is the work of many connections. Where it cannot, one connection may
/// have emptied the ring at once: then the ring is filled up again but not enlarged, so that the next one gets no more. It
/// doubles only when a connection found nothing that holds less than its share.
struct BufferRing: ~Copyable {
  /// What is registered with the kernel. Valid until `deinit`.
  let memory: UnsafeMutablePointer<io_uring_buf_ring>

  private let block: UnsafeMutableRawPointer
  private let count: Int
  private let size: Int
  /// Where in the ring each buffer was put last; freed in `deinit`.
  private let places: UnsafeMutablePointer<UInt16>
  private var reserve: [UInt16]
  /// Buffers in the ring, as far as the completions tell that the loop has taken in.
  private(set) var available = 0
  /// Buffers that are put into the ring before others go into the reserve.
  private var workingSet: Int
  /// Buffers taken since the ring was last less than half full.
  private var calm = 0
  /// Buffers taken since the ring was last enlarged.
  private var taken = 0
  /// Whether no receive can take more than one connection's share.
  private var isLimited = false

  /// The working set of a loop that keeps up: what recent kernels receive in one call (20 messages), and room for twice
  /// that which tasks hold.
  private static let fewestLimited = 64
  /// Where one connection can take them all.
  private static let fewestUnlimited = 32
  /// The largest working set. What is beyond it comes into the ring when it is needed, and goes back into the reserve.
  private static let most = 1024
  /// Buffers that a ring has to give out before it is taken for too large.
  private static let calmTurnover = 16384

  /// A ring for the buffers of `block`, of which it gets a working set.
  ///
  /// - Throws: `ENOMEM` if there is no address space for it.
  init(block: UnsafeMutableRawPointer, count: Int, size: Int) throws(Errno) {
    (self.block, self.count, self.size) = (block, count, size)
    memory = try BufferPool.map(BufferRing.length(count)).bindMemory(to: io_uring_buf_ring.self, capacity: 1)
    places = .allocate(capacity: count)
    places.initialize(repeating: 0, count: count)
    workingSet = min(count, BufferRing.fewestUnlimited)
    reserve = (workingSet..<count).reversed().map { UInt16($0) }
    io_uring_buf_ring_init(memory)
    for index in 0..<workingSet { add(UInt16(index)) }
  }

  /// After the kernel has let go of it.
  deinit {
    places.deallocate()
    munmap(memory, BufferRing.length(count))
  }

  private static func length(_ count: Int) -> Int { count * MemoryLayout<io_uring_buf>.stride }

  // MARK: Taking

  /// How many buffers so many bytes are in, from `first` on: a completion without bytes carries one, too.
  @inline(__always)
  func number(from first: UInt16, for bytes: Int) -> Int {
    bytes <= length(of: first) ? 1 : numberOfSeveral(from: first, for: bytes)
  }

  private func numberOfSeveral(from first: UInt16, for bytes: Int) -> Int {
    var (buffer, left, number) = (first, bytes, 0)
    while left > 0 {
      left -= length(of: buffer)
      buffer = self.buffer(after: buffer)
      number += 1
    }
    return number
  }

  /// How many bytes the kernel put into a buffer before it went on to the next one.
  ///
  /// That is what the entry in the ring says and not the buffer's size: kernels before the middle of 2026 shorten the last
  /// entry of a bundle that would go beyond its limit, and leave it short if nothing comes. Valid for held buffers: an entry
  /// is not written again before the buffer has been given back and the ring has gone round.
  @inline(__always)
  func length(of index: UInt16) -> Int { Int(entries[Int(places[Int(index)])].len) }

  /// The buffer that the kernel took after `index`: it takes them in the order of the ring. Valid as `length(of:)`.
  func buffer(after index: UInt16) -> UInt16 { entries[(Int(places[Int(index)]) + 1) & (count - 1)].bid }

  // Within the ring's memory, which is these entries: places are below `count`.
  @inline(__always)
  private var entries: UnsafePointer<io_uring_buf> {
    UnsafeRawPointer(memory).assumingMemoryBound(to: io_uring_buf.self)
  }

  /// Counts buffers that a completion carries as taken.
  @inline(__always)
  mutating func take(_ number: Int) {
    available -= number
    calm += number
    if available < workingSet / 2 { refillIfLow() } else if calm > BufferRing.calmTurnover { narrow() }
  }

  // MARK: The working set

  /// The fewest that it is narrowed to.
  private var fewest: Int { min(count, isLimited ? BufferRing.fewestLimited : BufferRing.fewestUnlimited) }

  /// From now on no receive can take more than one connection's share.
  mutating func receivesAreLimited() {
    isLimited = true
    workingSet = max(workingSet, fewest)
    refill()
  }

  @inline(never)
  private mutating func refillIfLow() {
    taken += calm
    calm = 0
    // Before it runs out: a receive that finds no buffer ends, and has to be armed again.
    guard available < workingSet / 4 || available <= 0 else { return }
    if isLimited { widen() }
    refill()
  }

  private mutating func widen() {
    taken = 0
    workingSet = min(workingSet * 2, max(BufferRing.most, workingSet), count)
  }

  private mutating func refill() {
    for _ in 0..<min(reserve.count, max(workingSet - available, 0)) { add(reserve.removeLast()) }
  }

  private mutating func narrow() {
    calm = 0
    workingSet = max(workingSet / 2, fewest)
  }

  /// Adds from the reserve because a receive found no buffer, unless that has happened since.
  mutating func noteExhaustion() { refillIfLow() }

  /// Enlarges the ring for a connection that found no buffer and holds less than its share, unless that has happened since.
  mutating func noteShortage() {
    guard !isLimited, taken + calm >= workingSet / 2 else { return }
    widen()
    refill()
  }

  // MARK: Giving back

  @inline(__always)
  mutating func putBack(_ index: UInt16) {
    if available < workingSet { add(index) } else { reserve.append(index) }
  }

  @inline(__always)
  private mutating func add(_ index: UInt16) {
    let mask = UInt16(truncatingIfNeeded: count - 1)
    places[Int(index)] = memory.pointee.tail & mask
    // The buffer is the kernel's from here until a completion carries it.
    io_uring_buf_ring_add(memory, block + Int(index) * size, UInt32(size), index, Int32(mask), 0)
    io_uring_buf_ring_advance(memory, 1)
    available += 1
  }
}
