import CLiburing
import Glibc

/// A tiny ring that performs operations between descriptors of its own, to see whether the kernel can.
///
/// It asks for no set-up flag, so that it exists wherever any ring does. Every method leaves the ring idle again.
final class RingProbe {
  private struct Answer {
    let result: Int32
    let flags: UInt32
    let userData: UInt64

    var hasBuffer: Bool { flags & IORING_CQE_F_BUFFER != 0 }
    var hasMore: Bool { flags & IORING_CQE_F_MORE != 0 }
  }

  /// Valid from `init` to `deinit`, at one address: liburing and the kernel's mappings refer to it throughout.
  private let raw: UnsafeMutablePointer<io_uring>
  private var lastID: UInt64 = 0

  /// - Throws: the `Errno` of `io_uring_setup(2)`.
  init() throws(Errno) {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    ring.initialize(to: io_uring())
    let result = io_uring_queue_init(8, ring, 0)
    if result < 0 {
      ring.deallocate()
      // Before `raw` is set: an error thrown after every property is would run `deinit`.
      throw Errno(rawValue: -result)
    }
    raw = ring
  }

  deinit {
    io_uring_queue_exit(raw)
    raw.deallocate()
  }

  // MARK: What the kernel says

  /// `IORING_FEAT_*`
  var featureBits: UInt32 { raw.pointee.features }

  /// The opcodes that the kernel performs; none before 5.6. `io_uring_get_probe_ring(3)`
  func operations() -> Set<UInt8> {
    guard let probe = io_uring_get_probe_ring(raw) else { return [] }
    defer { io_uring_free_probe(probe) }
    return Set((0..<UInt8.max).filter { io_uring_opcode_supported(probe, Int32($0)) != 0 })
  }

  /// The set-up flags that Gyre asks for and this kernel accepts, each tried with the flags it needs beside it.
  static func acceptedSetupFlags() -> UInt32 {
    let tries: [(flag: UInt32, beside: UInt32)] = [
      (IORING_SETUP_CQSIZE, 0),
      (IORING_SETUP_CLAMP, 0),
      (IORING_SETUP_SUBMIT_ALL, 0),
      (IORING_SETUP_COOP_TASKRUN, 0),
      (IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_COOP_TASKRUN),
      (IORING_SETUP_SINGLE_ISSUER, 0),
      (IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER),
    ]
    return tries.reduce(0) { accepted, flag in accepts(flag.flag | flag.beside) ? accepted | flag.flag : accepted }
  }

  private static func accepts(_ setupFlags: UInt32) -> Bool {
    var parameters = io_uring_params()
    parameters.flags = setupFlags
    parameters.cq_entries = setupFlags & IORING_SETUP_CQSIZE == 0 ? 0 : 2
    let descriptor = gyre_setup(1, &parameters)
    if descriptor >= 0 { close(descriptor) }
    return descriptor >= 0
  }

  /// Whether rings count against the limit of locked memory, found by making one under a limit of nothing. The limit is the
  /// whole process's, and is put back at once. `getrlimit(2)`, `RLIMIT_MEMLOCK`
  static func locksMemory() -> Bool {
    let resource = __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
    var limit = rlimit()
    getrlimit(resource, &limit)
    var nothing = rlimit(rlim_cur: 0, rlim_max: limit.rlim_max)
    guard setrlimit(resource, &nothing) == 0 else { return true }
    defer { setrlimit(resource, &limit) }
    var parameters = io_uring_params()
    let descriptor = gyre_setup(1, &parameters)
    if descriptor >= 0 { close(descriptor) }
    return descriptor == -ENOMEM
  }

  /// Whether the ring's descriptor can be registered with itself. It stays so until the ring is closed.
  func registersItself() -> Bool { io_uring_register_ring_fd(raw) == 1 }

  // MARK: Waiting

  func waitsWithTimeout() -> Bool {
    guard featureBits & IORING_FEAT_EXT_ARG != 0 else { return false }
    var limit = __kernel_timespec(tv_sec: 0, tv_nsec: 1)
    // Both structs are read by the kernel before the call returns, and live on this frame until then.
    return withUnsafePointer(to: &limit) { limit in
      var argument = io_uring_getevents_arg()
      argument.ts = UInt64(UInt(bitPattern: limit))
      let flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
      let size = MemoryLayout<io_uring_getevents_arg>.size
      return gyre_enter(raw.pointee.ring_fd, 0, 1, flags, &argument, size) == -ETIME
    }
  }

  func entersWithoutIOWait() -> Bool {
    guard featureBits & GYRE_FEAT_NO_IOWAIT != 0 else { return false }
    return gyre_enter(raw.pointee.ring_fd, 0, 0, IORING_ENTER_GETEVENTS | GYRE_ENTER_NO_IOWAIT, nil, 0) == 0
  }

  // MARK: Receiving

  /// Registers a ring of two provided buffers and receives into it until the stream ends.
  func receivesIntoProvidedBuffers() -> (registered: Bool, multishot: Bool, limited: Bool, bundles: Bool) {
    let page = Int(getpagesize())
    let memory = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { return (false, false, false, false) }
    defer { munmap(memory, page) }
    // A page has room for the ring's two entries at its start and for two buffers behind them; it is unmapped after the
    // group is unregistered.
    let buffers = memory.bindMemory(to: io_uring_buf_ring.self, capacity: 1)
    io_uring_buf_ring_init(buffers)
    var registration = io_uring_buf_reg()
    registration.ring_addr = UInt64(UInt(bitPattern: memory))
    registration.ring_entries = 2
    guard io_uring_register_buf_ring(raw, &registration, 0) == 0 else { return (false, false, false, false) }
    defer { io_uring_unregister_buf_ring(raw, 0) }
    func provide() {
      for index in 0..<2 {
        io_uring_buf_ring_add(buffers, memory + 64 * (index + 1), 64, UInt16(index), 1, Int32(index))
      }
      io_uring_buf_ring_advance(buffers, 2)
    }
    provide()
    let (multishot, limited) = (receivesMultishot(), limitsMultishot())
    // Each of the two has taken one; where the second is not known, no bundle is either.
    provide()
    return (true, multishot, limited, receivesBundles())
  }

  private func receivesMultishot() -> Bool {
    withSocketPair { near, far in
      _ = write(far, "?", 1)
      let first = perform { entry in
        io_uring_prep_recv_multishot(entry, near, nil, 0, 0)
        gyre_sqe_select_buffer(entry, 0)
      }
      end(first)
      return first.map { $0.result == 1 && $0.hasBuffer && $0.hasMore } ?? false
    } ?? false
  }

  /// Whether a multishot receive of one byte ends with that byte.
  private func limitsMultishot() -> Bool {
    withSocketPair { near, far in
      _ = write(far, "?", 1)
      let only = perform { entry in
        io_uring_prep_recv_multishot(entry, near, nil, 0, 0)
        gyre_sqe_select_buffer(entry, 0)
        gyre_sqe_set_receive_limit(entry, 1)
      }
      end(only)
      return only.map { $0.result == 1 && $0.hasBuffer && !$0.hasMore } ?? false
    } ?? false
  }

  /// Whether a receive of two buffers' bytes fills both.
  private func receivesBundles() -> Bool {
    withSocketPair { near, far in
      _ = write(far, [UInt8](repeating: 0, count: 128), 128)
      let only = perform { entry in
        io_uring_prep_recv_multishot(entry, near, nil, 0, 0)
        gyre_sqe_select_buffer(entry, 0)
        gyre_sqe_receive_bundles(entry, 128)
      }
      end(only)
      return only.map { $0.result == 128 && $0.hasBuffer } ?? false
    } ?? false
  }

  func pollsMultishot() -> Bool {
    let event = eventfd(1, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard event >= 0 else { return false }
    defer { close(event) }
    let first = perform { io_uring_prep_poll_multishot($0, event, UInt32(POLLIN)) }
    end(first)
    return first.map { $0.result > 0 && $0.hasMore } ?? false
  }

  // MARK: Accepting

  /// Accepts a connection to a socket without a name in the file system.
  func accepts(direct: Bool) -> Bool {
    if direct && io_uring_register_files_sparse(raw, 1) != 0 { return false }
    defer { if direct { io_uring_unregister_files(raw) } }
    return withListener { listener in
      let first = perform { entry in
        if direct {
          io_uring_prep_multishot_accept_direct(entry, listener, nil, nil, 0)
        } else {
          io_uring_prep_multishot_accept(entry, listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
        }
      }
      end(first)
      guard let first, first.result >= 0 else { return false }
      if !direct { close(first.result) }
      return first.hasMore
    } ?? false
  }

  func installsDescriptor() -> Bool {
    withSocketPair { near, _ in
      var file = near
      guard io_uring_register_files(raw, &file, 1) == 0 else { return false }
      defer { io_uring_unregister_files(raw) }
      guard let answer = perform({ gyre_prep_fixed_fd_install($0, 0) }), answer.result >= 0 else { return false }
      close(answer.result)
      return true
    } ?? false
  }

  // MARK: Messages

  /// Sends itself a message, from a submission entry.
  func sendsMessage() -> Bool {
    lastID += 1
    let message = lastID
    let answer = perform { io_uring_prep_msg_ring($0, raw.pointee.ring_fd, 7, message, 0) }
    // The message and the answer to sending it come in either order; a refusal brings the answer alone.
    guard let answer, answer.result >= 0, let other = next() else { return false }
    return [answer, other].contains { $0.userData == message && $0.result == 7 }
  }

  /// Is sent a message, as by a thread without a ring.
  func isSentMessage() -> Bool {
    var entry = io_uring_sqe()
    lastID += 1
    io_uring_prep_msg_ring(&entry, raw.pointee.ring_fd, 7, lastID, 0)
    guard gyre_register(-1, UInt32(GYRE_REGISTER_SEND_MSG_RING), &entry, 1) == 0 else { return false }
    return next()?.userData == lastID
  }

  // MARK: One operation

  /// Submits what `prepare` fills in and waits for its first completion. `nil` if none comes within a second.
  private func perform(_ prepare: (UnsafeMutablePointer<io_uring_sqe>) -> Void) -> Answer? {
    // The queue is empty before every operation; the entry stays valid until it is submitted, which is below.
    guard let entry = io_uring_get_sqe(raw) else { return nil }
    prepare(entry)
    lastID += 1
    entry.pointee.user_data = lastID
    guard io_uring_submit(raw) == 1 else { return nil }
    return next()
  }

  private func next() -> Answer? {
    var limit = __kernel_timespec(tv_sec: 1, tv_nsec: 0)
    var entry: UnsafeMutablePointer<io_uring_cqe>?
    guard io_uring_wait_cqe_timeout(raw, &entry, &limit) == 0, let entry else { return nil }
    // The entry is the kernel's again once it is seen, so what is in it is copied first.
    let answer = Answer(result: entry.pointee.res, flags: entry.pointee.flags, userData: entry.pointee.user_data)
    io_uring_cqe_seen(raw, entry)
    return answer
  }

  /// Cancels a multishot operation that goes on, and waits for its terminal completion and for the cancel's.
  private func end(_ first: Answer?) {
    guard let first, first.hasMore else { return }
    let target = first.userData
    var isEnded = false
    var isCancelled = false
    var answer = perform { io_uring_prep_cancel64($0, target, 0) }
    while let current = answer {
      if current.userData != target { isCancelled = true } else if !current.hasMore { isEnded = true }
      answer = isEnded && isCancelled ? nil : next()
    }
  }

  // MARK: Descriptors to try on

  private func withSocketPair<R>(_ body: (Int32, Int32) -> R) -> R? {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else { return nil }
    defer { pair.forEach { _ = close($0) } }
    return body(pair[0], pair[1])
  }

  /// A listening socket with one connection in its queue. The kernel picks an abstract name for it: `unix(7)`.
  private func withListener<R>(_ body: (Int32) -> R) -> R? {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let listener = socket(AF_UNIX, type, 0)
    let client = socket(AF_UNIX, type, 0)
    defer { for descriptor in [listener, client] where descriptor >= 0 { close(descriptor) } }
    guard listener >= 0, client >= 0, connect(client, to: listener) else { return nil }
    return body(listener)
  }

  private func connect(_ client: Int32, to listener: Int32) -> Bool {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var length = socklen_t(MemoryLayout<sockaddr_un>.size)
    // `name` lives until this returns, and is made to be seen as any family's `sockaddr`. Binding to the family alone
    // asks for a name.
    return withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        bind(listener, name, socklen_t(MemoryLayout<sa_family_t>.size)) == 0 && listen(listener, 1) == 0
          && getsockname(listener, name, &length) == 0 && Glibc.connect(client, name, length) == 0
      }
    }
  }
}
