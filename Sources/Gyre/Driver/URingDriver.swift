import CLiburing
import DequeModule
import Glibc

/// The driver that hands operations to an io_uring.
///
/// How an operation lives: `start` gives it a slot in the operation table and a submission entry that carries the slot's
/// identifier. The next `turn` makes the one `io_uring_enter(2)` that submits all entries and waits. The kernel posts
/// completions with the same identifier; `turn` looks the slot up and tells the target. A completion without `F_MORE` ends
/// the operation, whatever its result is, and only that frees the slot and its hold on the target: the target's memory and
/// descriptor therefore outlive every use that the kernel can make of them. A cancel is an entry of its own; its own
/// completion means nothing, since only the target's terminal completion says how the race ended.
final class URingDriver: Driver {
  let backend = Backend.uring
  let operations = OperationTable()
  let buffers: BufferPool
  let waker: Waker
  let socketFlags: Int32 = 0
  private(set) var counters = DriverCounters()
  @exclusivity(unchecked) var stampsCompletions = false

  let ring: Ring
  private let completionLimit: Int
  private let measuresTime: Bool
  private let receivesMultishot: Bool
  /// Bytes after which a multishot receive ends by itself and has to be armed again; 0 where the kernel has no such limit.
  let receiveLimit: UInt32
  /// The same for a receive of which one completion fills several buffers; 0 where the kernel has none or no limit.
  let bundleLimit: UInt32
  let directTableSize: Int
  private let directReserve: Int
  @exclusivity(unchecked) private var delayed: Deque<Delayed> = []
  /// Of the prepared entries, those that are no operation: cancels and the poll of the waker.
  private var preparedRequests = 0
  private var isTornDown = false
  private var failures = FailedWaits()
  /// The loops that were sent messages, by the number of their eventfd, for the case that a message fails.
  private var messaged: [Int32: WeakWaker] = [:]
  /// When the kernel last gave the thread back: what there is to reap was posted before. 0 while nobody wants to know.
  private var stamp: UInt64 = 0

  /// The identifiers that are no operation's: an operation's generation is never zero.
  private static let wakeID: UInt64 = 1
  private static let cancelID: UInt64 = 2
  /// What a message brings to its receiver.
  private static let messageID: UInt64 = 3
  /// A message that failed; above it, the number of the receiver's eventfd.
  private static let failedMessageID: UInt64 = 4
  private static let internalIDBits: UInt64 = 3
  private static let bufferGroup: UInt16 = 0

  private struct WeakWaker {
    weak var waker: Waker?
  }

  /// What waits for room in the submission queue.
  private enum Delayed {
    case operation(Operation, OperationID)
    case cancel(OperationID)
    case pollWaker
  }

  /// - Throws: the `Errno` that forbids io_uring here, or `EOPNOTSUPP` where the kernel's lacks what the driver needs.
  init(configuration: EventLoop.Configuration, buffers: BufferPool) throws(Errno) {
    self.buffers = buffers
    ring = try Ring(
      size: configuration.ring,
      defersTaskRun: configuration.allows(.deferredTaskRun),
      noIOWait: configuration.allows(.noIOWait)
    )
    let sendsMessages = configuration.allows(.messageRing) ? try MessageProbe.sendsMessages(ring) : false
    waker = try Waker(ring: sendsMessages ? ring.raw.pointee.ring_fd : nil)
    completionLimit = configuration.completionsPerTurn
    measuresTime = configuration.measuresTime
    try URingDriver.register(buffers, with: ring)
    receivesMultishot = configuration.allows(.multishotReceive)
    receiveLimit = try URingDriver.receiveLimit(ring, buffers, wanted: configuration)
    if receiveLimit > 0 { buffers.receivesAreLimited() }
    let hasBundles = ring.raw.pointee.features & GYRE_FEAT_RECVSEND_BUNDLE != 0 && configuration.allows(.receiveBundles)
    bundleLimit = receiveLimit > 0 && hasBundles ? URingDriver.bundleLimit(configuration) : 0
    let wanted = configuration.allows(.directDescriptors) ? configuration.directDescriptors : 0
    directTableSize = URingDriver.registerDirectTable(wanted, with: ring)
    // An accept that finds the table full loses its connection, and one accept takes connections until the completion
    // queue is full, before the loop can count them.
    directReserve = max(directTableSize / 4, Int(ring.size.completions) + 1)
    pollWaker()
  }

  /// Before the buffers go, which the kernel writes to while the ring lives.
  deinit { tearDown() }

  var hasDirectRoom: Bool { counters.directDescriptors < directTableSize - directReserve }

  var queues: DriverQueues {
    let waiting = delayed.count { if case .operation = $0 { true } else { false } }
    let prepared = Int(ring.prepared)
    return DriverQueues(
      prepared: prepared,
      delayed: waiting,
      inKernel: operations.inFlight - waiting - (prepared - preparedRequests),
      completed: Int(ring.ready),
      sizes: ring.size
    )
  }

  @inline(__always)
  func start(_ operation: Operation, for target: OperationTarget) -> OperationID {
    let id = operations.begin(operation, for: target)
    if delayed.isEmpty, let entry = submission() {
      prepare(operation, id, in: entry)
    } else {
      delay(.operation(operation, id))
    }
    return id
  }

  func cancel(_ id: OperationID) {
    guard operations.isInFlight(id) else { return }
    if delayed.isEmpty, let entry = submission() {
      prepareCancel(id, in: entry)
    } else {
      delay(.cancel(id))
    }
  }

  func turn(waiting nanoseconds: UInt64?) {
    startDelayed()
    let hasReady = ring.ready > 0
    let waits = !hasReady && delayed.isEmpty && nanoseconds != 0
    if waits || ring.prepared > 0 || ring.kernelHasWork || !ring.announcesWork {
      enter(waits: waits, nanoseconds: nanoseconds)
    }
    let reaped = ring.reap(limit: completionLimit, coming: { operations.prefetch(OperationID(rawValue: $0)) }) {
      userData,
      result,
      flags in
      complete(userData, result, flags)
    }
    counters.completions &+= UInt64(reaped)
  }

  var hasWork: Bool { ring.ready > 0 || ring.kernelHasWork || !ring.announcesWork }

  var isIdle: Bool { ring.prepared == 0 && delayed.isEmpty && ring.ready == 0 && !ring.kernelHasWork }

  func sendNow(_ number: Int32, _ address: UnsafeRawPointer, _ count: Int) -> Int32 {
    counters.calls &+= 1
    return Errno.retrying { Glibc.send(number, address, count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) }
  }

  private func enter(waits: Bool, nanoseconds: UInt64?) {
    if ring.overflowed { counters.overflows &+= 1 }
    let result = submit(waitingFor: waits ? 1 : 0, nanoseconds: nanoseconds)
    if result < 0 { waitFailed(-result, nanoseconds) }
  }

  /// Whatever the error is, what the kernel did not take stays prepared, and the next turn enters again.
  @inline(never)
  private func waitFailed(_ error: Int32, _ nanoseconds: UInt64?) {
    switch error {
    // The wait ended.
    case EINTR, ETIME: return
    // The kernel is short of room for completions, or of memory: both pass.
    case EBUSY, EAGAIN, ENOMEM: break
    // EBADR: for want of memory a completion is lost. EBADF, EINVAL, ENXIO, EOPNOTSUPP: the ring's descriptor is somebody
    // else's by now. EPERM, EACCES, ENOSYS: a filter. EFAULT, EEXIST, EBADFD: a defect of this driver.
    default: failures.say("io_uring_enter(2)", error)
    }
    counters.failedWaits &+= 1
    if ring.ready == 0 { FailedWaits.pause(insteadOf: nanoseconds) }
  }

  // MARK: Completions

  @inline(__always)
  private func complete(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {
    let hasMore = flags & UInt32(IORING_CQE_F_MORE) != 0
    guard userData >> 32 != 0 else { return completeInternal(userData, hasMore: hasMore) }
    var buffer: UInt16?
    if flags & UInt32(IORING_CQE_F_BUFFER) != 0 {
      let first = UInt16(truncatingIfNeeded: flags >> 16)
      buffers.lend(from: first, for: Int(result))
      buffer = first
    } else if result == -ENOBUFS {
      buffers.noteExhaustion()
    }
    let completion = Completion(result: result, buffer: buffer, hasMore: hasMore, posted: stamp)
    let delivered = operations.deliver(completion, to: OperationID(rawValue: userData))
    assert(delivered, "a completion after the terminal one")
  }

  private func completeInternal(_ userData: UInt64, hasMore: Bool) {
    if userData == URingDriver.wakeID && !hasMore { pollWaker() }
    if userData & (1 << URingDriver.internalIDBits - 1) == URingDriver.failedMessageID {
      messageFailed(to: Int32(truncatingIfNeeded: userData >> URingDriver.internalIDBits))
    }
  }

  // MARK: Messages to other rings

  /// A loop that sends a message can be sent one, so that one probe answers both.
  func wake(_ other: Waker) -> Bool {
    guard waker.ring != nil, let target = other.ring, delayed.isEmpty, let entry = submission() else { return false }
    io_uring_prep_msg_ring(entry, target, 0, URingDriver.messageID, 0)
    // Only a failure completes here: a completion would end this loop's own wait.
    gyre_sqe_skip_success(entry)
    entry.pointee.user_data = URingDriver.failedMessageID | UInt64(other.descriptor) << URingDriver.internalIDBits
    counters.messages &+= 1
    if messaged[other.descriptor]?.waker !== other { remember(other) }
    return true
  }

  private func remember(_ waker: Waker) {
    messaged = messaged.filter { $1.waker != nil }
    messaged[waker.descriptor] = WeakWaker(waker: waker)
  }

  /// The receiver's queue or memory is full, or its ring is gone. If somebody else has that eventfd by now, waking it does
  /// no harm.
  private func messageFailed(to descriptor: Int32) {
    messaged[descriptor]?.waker?.wake()
  }

  // MARK: Submissions

  /// A free entry, after handing the kernel a full queue once. `nil` where the kernel takes none now.
  @inline(__always)
  private func submission() -> UnsafeMutablePointer<io_uring_sqe>? {
    if let entry = ring.nextSubmission() { return entry }
    _ = submit(waitingFor: 0, nanoseconds: nil)
    return ring.nextSubmission()
  }

  private func submit(waitingFor count: UInt32, nanoseconds: UInt64?) -> Int32 {
    counters.waits &+= 1
    let start = measuresTime ? MonotonicClock.now : 0
    let result = ring.enter(waitingFor: count, nanoseconds: nanoseconds)
    let end = measuresTime || stampsCompletions ? MonotonicClock.now : 0
    if measuresTime { counters.nanosecondsInKernel &+= end - start }
    stamp = end
    // The kernel takes entries in their order; which of those that it left are operations is not worth knowing.
    preparedRequests = min(preparedRequests, Int(ring.prepared))
    return result
  }

  private func delay(_ what: Delayed) {
    counters.delayedStarts &+= 1
    delayed.append(what)
  }

  private func startDelayed() {
    while !delayed.isEmpty, let entry = submission() {
      switch delayed.removeFirst() {
      case .operation(let operation, let id): prepare(operation, id, in: entry)
      case .cancel(let id): prepareCancel(id, in: entry)
      case .pollWaker: preparePollWaker(in: entry)
      }
    }
  }

  private func pollWaker() {
    if delayed.isEmpty, let entry = submission() {
      preparePollWaker(in: entry)
    } else {
      delay(.pollWaker)
    }
  }

  private func preparePollWaker(in entry: UnsafeMutablePointer<io_uring_sqe>) {
    io_uring_prep_poll_multishot(entry, waker.descriptor, UInt32(POLLIN))
    entry.pointee.user_data = URingDriver.wakeID
    preparedRequests += 1
  }

  private func prepareCancel(_ id: OperationID, in entry: UnsafeMutablePointer<io_uring_sqe>) {
    io_uring_prep_cancel64(entry, id.rawValue, 0)
    entry.pointee.user_data = URingDriver.cancelID
    preparedRequests += 1
  }

  /// Fills an entry. Every address comes from the operation, which keeps it valid until its terminal completion.
  @inline(__always)
  private func prepare(_ operation: Operation, _ id: OperationID, in entry: UnsafeMutablePointer<io_uring_sqe>) {
    switch operation {
    case .receive(let descriptor, let bundles, let bounded):
      if receiveLimit == 0 && (bounded || !receivesMultishot) {
        io_uring_prep_recv(entry, descriptor.number, nil, 0, 0)
      } else {
        io_uring_prep_recv_multishot(entry, descriptor.number, nil, 0, 0)
      }
      gyre_sqe_select_buffer(entry, URingDriver.bufferGroup)
      if bundles && bundleLimit > 0 {
        gyre_sqe_receive_bundles(entry, bundleLimit)
      } else {
        gyre_sqe_set_receive_limit(entry, receiveLimit)
      }
      select(descriptor, in: entry)
    // Without MSG_WAITALL: where that has sent a part and then finds the connection reset, it says only what it has sent. The
    // reset has been told then, and nobody heard of it.
    case .send(let descriptor, let address, let count):
      io_uring_prep_send(entry, descriptor.number, address, count, Int32(MSG_NOSIGNAL))
      select(descriptor, in: entry)
    case .sendMessage(let descriptor, let message):
      io_uring_prep_sendmsg(entry, descriptor.number, message, UInt32(MSG_NOSIGNAL))
      select(descriptor, in: entry)
    case .receiveInto(let descriptor, let address, let count):
      io_uring_prep_recv(entry, descriptor.number, address, count, 0)
      select(descriptor, in: entry)
    case .pollReceive(let descriptor):
      io_uring_prep_poll_add(entry, descriptor.number, UInt32(POLLIN))
      select(descriptor, in: entry)
    case .accept(let descriptor, let direct, let once):
      prepareAccept(descriptor, direct: direct, once: once, in: entry)
    case .connect(let descriptor, let address, let length):
      io_uring_prep_connect(entry, descriptor.number, address, length)
      select(descriptor, in: entry)
    case .shutdown(let descriptor, let how):
      io_uring_prep_shutdown(entry, descriptor.number, how)
      select(descriptor, in: entry)
    case .install(let descriptor):
      gyre_prep_fixed_fd_install(entry, descriptor.number)
    case .close(.direct(let slot)):
      io_uring_prep_close_direct(entry, UInt32(slot))
      counters.directDescriptors -= 1
    case .close(.ordinary(let number)):
      io_uring_prep_close(entry, number)
    }
    entry.pointee.user_data = id.rawValue
  }

  @inline(__always)
  private func select(_ descriptor: Descriptor, in entry: UnsafeMutablePointer<io_uring_sqe>) {
    if descriptor.isDirect { gyre_sqe_set_fixed_file(entry) }
  }

  private func prepareAccept(
    _ descriptor: Descriptor,
    direct: Bool,
    once: Bool,
    in entry: UnsafeMutablePointer<io_uring_sqe>
  ) {
    let flags = Int32(SOCK_CLOEXEC.rawValue)
    switch (direct, once) {
    case (true, false): io_uring_prep_multishot_accept_direct(entry, descriptor.number, nil, nil, 0)
    case (true, true): gyre_prep_accept_direct(entry, descriptor.number)
    case (false, false): io_uring_prep_multishot_accept(entry, descriptor.number, nil, nil, flags)
    case (false, true): io_uring_prep_accept(entry, descriptor.number, nil, nil, flags)
    }
    select(descriptor, in: entry)
  }

  func adopt(_ descriptor: Descriptor) {
    if descriptor.isDirect { counters.directDescriptors += 1 }
  }

  func forget(_ descriptor: Descriptor) {}

  func tearDown() {
    guard !isTornDown else { return }
    isTornDown = true
    // The last turn may have prepared messages that other loops wait for.
    if ring.prepared > 0 { _ = ring.enter(waitingFor: 0) }
    ring.close()
  }

  // MARK: Set-up

  private static func register(_ buffers: BufferPool, with ring: Ring) throws(Errno) {
    var registration = io_uring_buf_reg()
    registration.ring_addr = UInt64(UInt(bitPattern: buffers.ringMemory))
    registration.ring_entries = UInt32(buffers.count)
    registration.bgid = bufferGroup
    let result = io_uring_register_buf_ring(ring.raw, &registration, 0)
    if result < 0 { throw Errno(rawValue: result == -EINVAL ? EOPNOTSUPP : -result) }
  }

  /// Asks the kernel itself whether it receives multishot into provided buffers, and whether it can limit that: one
  /// connection's share of the buffers, so that a burst cannot take more.
  private static func receiveLimit(
    _ ring: Ring,
    _ buffers: BufferPool,
    wanted: EventLoop.Configuration
  ) throws(Errno) -> UInt32 {
    let isAllowed = wanted.allows(.receiveLimit) && wanted.allows(.multishotReceive)
    // A byte within the limit of one ends the operation.
    if isAllowed, try tryMultishotReceive(ring, buffers, limit: 1) == [1] {
      return UInt32(clamping: wanted.buffersPerConnection * wanted.bufferSize)
    }
    // Without a limit it goes on, and ends with the stream, or, if there is but one buffer, for want of another.
    let results = try tryMultishotReceive(ring, buffers, limit: 0)
    guard results.count == 2, results[0] == 1 else { throw Errno(rawValue: EOPNOTSUPP) }
    return 0
  }

  /// Several shares at once, as far as an eighth of all buffers has them: the larger the piece, the less it costs a byte.
  private static func bundleLimit(_ wanted: EventLoop.Configuration) -> UInt32 {
    let share = wanted.buffersPerConnection
    let buffers = min(share * 4, max(share, wanted.bufferCount / 8))
    // A signed number in the kernel.
    return UInt32(Int32(clamping: buffers * wanted.bufferSize))
  }

  /// Receives a byte and the end of a stream from a socket pair, multishot: the results up to the terminal one.
  private static func tryMultishotReceive(
    _ ring: Ring,
    _ buffers: BufferPool,
    limit: UInt32
  ) throws(Errno) -> [Int32] {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
      throw Errno.current
    }
    defer { close(pair[0]) }
    let entry = ring.nextSubmission()!
    io_uring_prep_recv_multishot(entry, pair[0], nil, 0, 0)
    gyre_sqe_select_buffer(entry, bufferGroup)
    gyre_sqe_set_receive_limit(entry, limit)
    _ = write(pair[1], "?", 1)
    close(pair[1])
    var results: [Int32] = []
    var ended = false
    while !ended {
      let entered = ring.enter(waitingFor: 1)
      if entered < 0 && entered != -EINTR { throw Errno(rawValue: -entered) }
      _ = ring.reap(limit: 2) { _, result, flags in
        if flags & UInt32(IORING_CQE_F_BUFFER) != 0 { buffers.takeBack(UInt16(truncatingIfNeeded: flags >> 16)) }
        results.append(result)
        ended = flags & UInt32(IORING_CQE_F_MORE) == 0
      }
    }
    return results
  }

  /// Registers the ring's own table of files; 0 where the kernel cannot, or cannot give a direct descriptor an ordinary
  /// one beside it, which socket options need.
  private static func registerDirectTable(_ wanted: Int, with ring: Ring) -> Int {
    guard wanted > 0, supportsInstall(ring) else { return 0 }
    let size = min(wanted, ResourceLimits.descriptors)
    return io_uring_register_files_sparse(ring.raw, UInt32(size)) == 0 ? size : 0
  }

  private static func supportsInstall(_ ring: Ring) -> Bool {
    guard let probe = io_uring_get_probe_ring(ring.raw) else { return false }
    defer { io_uring_free_probe(probe) }
    return io_uring_opcode_supported(probe, Int32(GYRE_OP_FIXED_FD_INSTALL)) != 0
  }
}
