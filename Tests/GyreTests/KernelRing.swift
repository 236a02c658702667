import CLiburing
import Glibc
import Testing

/// A ring to try things on.
final class KernelRing {
  // Register operations of io_uring_register(2). liburing 2.3 has them in an unnamed enumeration and later ones in a named
  // one, which are different types in Swift.
  static let registerBuffers: UInt32 = 0
  static let unregisterBuffers: UInt32 = 1
  static let registerFiles: UInt32 = 2
  static let enableRings: UInt32 = 12
  static let unregisterRings: UInt32 = 21
  static let registerBufferRing: UInt32 = 22
  static let synchronousCancel: UInt32 = 24

  /// Why this process may have no ring, if so.
  static let denial: Int32? = {
    let result = setUpAndClose(0)
    return result < 0 ? -result : nil
  }()

  /// Valid from `init` to `deinit`, at one address, as liburing wants it.
  private let raw: UnsafeMutablePointer<io_uring>
  private var buffers: (memory: UnsafeMutableRawPointer, length: Int)?

  init?(_ setupFlags: UInt32) {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    ring.initialize(to: io_uring())
    guard io_uring_queue_init(8, ring, setupFlags) == 0 else {
      ring.deallocate()
      // Before `raw` is set: a failure after every property is would run `deinit`.
      return nil
    }
    raw = ring
  }

  deinit {
    io_uring_queue_exit(raw)
    raw.deallocate()
    if let buffers { munmap(buffers.memory, buffers.length) }
  }

  var descriptor: Int32 { raw.pointee.ring_fd }
  var features: UInt32 { raw.pointee.features }

  var operations: Set<UInt32> {
    guard let probe = io_uring_get_probe_ring(raw) else { return [] }
    defer { io_uring_free_probe(probe) }
    return Set((0..<256).filter { io_uring_opcode_supported(probe, Int32($0)) != 0 })
  }

  func supports(_ opcode: Int32) -> Bool { operations.contains(UInt32(opcode)) }

  /// What an operation should answer: `result`, or `EINVAL` where the kernel has no such opcode.
  func expected(_ result: Int32, of opcode: Int32) -> Int32 { supports(opcode) ? result : -EINVAL }

  /// Whether an answer is that of a kernel that has, or has not, a register operation.
  func isConsistent(_ operation: Int32, _ result: Int32) -> Bool {
    let query = KernelQuery()
    guard query.result == 0 else { return result == 0 || result == -EINVAL }
    return result == (UInt32(operation) < query.answer.nr_register_opcodes ? 0 : -EINVAL)
  }

  func knowsEnterFlag(_ flag: UInt32) -> Bool {
    let query = KernelQuery()
    return query.result == 0 && query.answer.enter_flags & UInt64(flag) != 0
  }

  func register(_ operation: UInt32, _ argument: UnsafeRawPointer?, _ count: UInt32) -> Int32 {
    gyre_register(descriptor, operation, argument, count)
  }

  func enter(waitFor count: UInt32, _ flags: UInt32, _ argument: UnsafeRawPointer? = nil, _ size: Int = 0) -> Int32 {
    gyre_enter(descriptor, 0, count, flags | IORING_ENTER_GETEVENTS, argument, size)
  }

  func submit(as userData: UInt64, _ prepare: (UnsafeMutablePointer<io_uring_sqe>) -> Void) {
    // Eight entries, of which at most two are in use; the entry stays valid until it is submitted, which is below.
    let entry = io_uring_get_sqe(raw)!
    prepare(entry)
    entry.pointee.user_data = userData
    #expect(io_uring_submit(raw) == 1)
  }

  /// The first completion of an operation.
  func perform(_ prepare: (UnsafeMutablePointer<io_uring_sqe>) -> Void) throws -> io_uring_cqe {
    submit(as: 1, prepare)
    return try #require(next(), "no completion in two seconds")
  }

  func next() -> io_uring_cqe? {
    var limit = __kernel_timespec(tv_sec: 2, tv_nsec: 0)
    var entry: UnsafeMutablePointer<io_uring_cqe>?
    guard io_uring_wait_cqe_timeout(raw, &entry, &limit) == 0, let entry else { return nil }
    // The entry is the kernel's again once it is seen, so it is copied first.
    defer { io_uring_cqe_seen(raw, entry) }
    return entry.pointee
  }

  // MARK: Memory

  /// Makes group 0 of `count` buffers; a kernel's refusal is returned.
  func provideBuffers(count: Int, size: Int, flags: UInt32) throws -> Int32 {
    let page = Int(getpagesize())
    let memory = try #require(mmap(nil, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    // Unmapped in `deinit`, after the ring is gone. The ring's entries are at the start of the page, the buffers in its
    // second half.
    buffers = (memory, page)
    let entries = memory.bindMemory(to: io_uring_buf_ring.self, capacity: 1)
    io_uring_buf_ring_init(entries)
    for index in 0..<count {
      let buffer = memory + page / 2 + index * size
      io_uring_buf_ring_add(entries, buffer, UInt32(size), UInt16(index), Int32(count - 1), Int32(index))
    }
    io_uring_buf_ring_advance(entries, Int32(count))
    var registration = gyre_buf_reg()
    registration.ring_addr = UInt64(UInt(bitPattern: memory))
    (registration.ring_entries, registration.flags) = (UInt32(count), UInt16(flags))
    return register(Self.registerBufferRing, &registration, 1)
  }

  /// Sends `count` bytes to a socket and receives them into group 0.
  func receive(_ count: Int, flags: UInt16) throws -> io_uring_cqe? {
    let pair = try TCPPair(sending: count)
    defer { pair.close() }
    return try perform { entry in
      io_uring_prep_recv(entry, pair.server, nil, 0, 0)
      gyre_sqe_select_buffer(entry, 0)
      entry.pointee.ioprio = flags
    }
  }

  /// Whether the kernel says that it has taken so many buffers of group 0, or that it cannot say.
  func bufferGroupHead(is head: UInt32) -> Bool {
    var status = gyre_buf_status()
    let result = register(UInt32(GYRE_REGISTER_PBUF_STATUS), &status, 1)
    return isConsistent(GYRE_REGISTER_PBUF_STATUS, result) && (result < 0 || status.head == head)
  }

  func registerWaitRegion(_ memory: UnsafeMutableRawPointer, _ length: Int) -> Int32 {
    var region = gyre_region_desc()
    region.user_addr = UInt64(UInt(bitPattern: memory))
    region.size = UInt64(length)
    region.flags = GYRE_MEM_REGION_TYPE_USER
    // Both structs are read by the kernel before the call returns, and live on this frame until then.
    return withUnsafeMutablePointer(to: &region) { region in
      var registration = gyre_mem_region_reg()
      registration.region_uptr = UInt64(UInt(bitPattern: region))
      registration.flags = UInt64(GYRE_MEM_REGION_REG_WAIT_ARG)
      return register(UInt32(GYRE_REGISTER_MEM_REGION), &registration, 1)
    }
  }

  // MARK: Set-up

  /// 0 if a ring can be made with these flags, or -errno.
  static func setUpAndClose(_ flags: UInt32) -> Int32 {
    let page = Int(getpagesize())
    // Where the application provides the rings' memory, eight entries of each fit into a page. The kernel lets go of
    // it when the ring is closed.
    let memory = mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)!
    defer { munmap(memory, 2 * page) }
    var parameters = io_uring_params()
    parameters.flags = flags
    if flags & IORING_SETUP_CQSIZE != 0 { parameters.cq_entries = 16 }
    if flags & GYRE_SETUP_NO_MMAP != 0 { provide(memory, page, to: &parameters) }
    let result = gyre_setup(8, &parameters)
    if result < 0 { return result }
    if flags & GYRE_SETUP_REGISTERED_FD_ONLY != 0 { return unregister(result) }
    close(result)
    return 0
  }

  /// Sets both `user_addr`, the last eight bytes of the offsets, which liburing 2.3 calls `resv2`.
  private static func provide(_ memory: UnsafeMutableRawPointer, _ page: Int, to parameters: inout io_uring_params) {
    let submissions = MemoryLayout<io_uring_params>.offset(of: \.sq_off)! + 32
    let completions = MemoryLayout<io_uring_params>.offset(of: \.cq_off)! + 32
    withUnsafeMutableBytes(of: &parameters) { bytes in
      bytes.storeBytes(of: UInt64(UInt(bitPattern: memory)), toByteOffset: submissions, as: UInt64.self)
      bytes.storeBytes(of: UInt64(UInt(bitPattern: memory + page)), toByteOffset: completions, as: UInt64.self)
    }
  }

  /// Closes a ring that has no descriptor, only an index in this thread's table.
  private static func unregister(_ index: Int32) -> Int32 {
    var update = io_uring_rsrc_update()
    update.offset = UInt32(index)
    let operation = unregisterRings | GYRE_REGISTER_USE_REGISTERED_RING
    return gyre_register(index, operation, &update, 1) == 1 ? 0 : -EBADF
  }
}
