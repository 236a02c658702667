import CLiburing

/// One io_uring: a queue of submissions to the kernel and a queue of completions from it.
///
/// A ring belongs to the thread that made it: `SINGLE_ISSUER` makes the kernel refuse every other thread, so nothing here
/// is locked. `io_uring(7)`
final class Ring {
  /// The sizes that are asked for; the kernel rounds up to powers of two and clamps to its limits.
  struct Size: Equatable, Sendable {
    /// Entries of the submission queue: one batch between two calls of `enter`.
    var submissions: UInt32 = 256
    /// Entries of the completion queue: large, because an overflow costs the kernel an allocation per completion.
    var completions: UInt32 = 4096
  }

  /// Valid from `init` to `deinit`, at one address: liburing and the kernel's mappings refer to it throughout.
  let raw: UnsafeMutablePointer<io_uring>
  /// The set-up flags that this kernel granted, `IORING_SETUP_*`.
  let setupFlags: UInt32
  /// The sizes that this kernel granted.
  let size: Size

  private let submissionMask: UInt32
  private let completionMask: UInt32
  private let enterDescriptor: Int32
  private let enterFlags: UInt32
  private var isClosed = false

  /// Makes a ring, giving up one set-up flag at a time until the kernel accepts, and halving it while memory is short.
  ///
  /// - Parameters:
  ///   - size: the sizes to ask for.
  ///   - defersTaskRun: whether the first flag to give up, `DEFER_TASKRUN`, is asked for at all.
  ///   - noIOWait: whether `NO_IOWAIT` is used where the kernel has it.
  /// - Throws: the `Errno` of `io_uring_setup(2)` where no ring can be had: `EPERM` (seccomp, sysctl), `ENOSYS`,
  ///   `EACCES`, `ENOMEM` at the smallest size.
  init(size: Size = Size(), defersTaskRun: Bool = true, noIOWait: Bool = true) throws(Errno) {
    // The kernel's mappings are reached through this struct until `deinit` frees it.
    raw = .allocate(capacity: 1)
    raw.initialize(to: io_uring())
    do throws(Errno) {
      setupFlags = try Ring.setUp(
        raw,
        size: size,
        ladder: defersTaskRun ? Ring.flagLadder[...] : Ring.flagLadder.dropFirst()
      )
    } catch {
      raw.deallocate()
      throw error
    }
    self.size = Size(submissions: raw.pointee.sq.ring_entries, completions: raw.pointee.cq.ring_entries)
    submissionMask = raw.pointee.sq.ring_mask
    completionMask = raw.pointee.cq.ring_mask
    // A forked child would share the queues and could move the parent's indices.
    io_uring_ring_dontfork(raw)
    let registered = io_uring_register_ring_fd(raw) == 1
    enterDescriptor = registered ? raw.pointee.enter_ring_fd : raw.pointee.ring_fd
    let hasNoIOWait = noIOWait && raw.pointee.features & GYRE_FEAT_NO_IOWAIT != 0
    enterFlags =
      (hasNoIOWait ? UInt32(GYRE_ENTER_NO_IOWAIT) : 0) | (registered ? UInt32(IORING_ENTER_REGISTERED_RING) : 0)
    identitySubmissionArray()
  }

  deinit {
    close()
    raw.deallocate()
  }

  /// Gives the kernel its queues back; nothing else may be called after. The kernel frees their memory some time later.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    io_uring_queue_exit(raw)
  }

  // MARK: Submission

  /// The next free submission entry, zeroed by the `io_uring_prep_*` that fills it; `nil` when the queue is full.
  @inline(__always)
  func nextSubmission() -> UnsafeMutablePointer<io_uring_sqe>? {
    let tail = raw.pointee.sq.sqe_tail
    guard tail &- gyre_load_acquire(raw.pointee.sq.khead) < size.submissions else { return nil }
    raw.pointee.sq.sqe_tail = tail &+ 1
    // Inside the mapped array: the mask keeps the index below `ring_entries`.
    return raw.pointee.sq.sqes + Int(tail & submissionMask)
  }

  /// Entries prepared and not yet handed to the kernel.
  @inline(__always)
  var prepared: UInt32 { raw.pointee.sq.sqe_tail &- gyre_load_acquire(raw.pointee.sq.khead) }

  // MARK: Completion

  /// Completions that the kernel has posted and nobody has reaped.
  @inline(__always)
  var ready: UInt32 { gyre_load_acquire(raw.pointee.cq.ktail) &- gyre_load_relaxed(raw.pointee.cq.khead) }

  /// Whether the kernel holds work that only an `enter` turns into completions: deferred task work, or completions that
  /// did not fit into the queue.
  @inline(__always)
  var kernelHasWork: Bool {
    let flags = gyre_load_relaxed(raw.pointee.sq.kflags)
    return flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW) != 0
  }

  /// Whether completions overflowed into the kernel's own list; they arrive with the next `enter`.
  var overflowed: Bool { gyre_load_relaxed(raw.pointee.sq.kflags) & IORING_SQ_CQ_OVERFLOW != 0 }

  /// Whether the ring tells of deferred work by a flag; where it does not, every look needs an `enter`.
  var announcesWork: Bool { setupFlags & IORING_SETUP_TASKRUN_FLAG != 0 }

  /// Completions between the one that `reap` hands out and the one that it announces.
  private static let announced = 3

  /// Hands at most `limit` completions to `body` and frees their entries.
  ///
  /// Each is announced to `coming` while others are still being handled, for whoever wants to have its memory at hand.
  @inline(__always)
  func reap(
    limit: Int,
    coming: (_ userData: UInt64) -> Void = { _ in },
    _ body: (_ userData: UInt64, _ result: Int32, _ flags: UInt32) -> Void
  ) -> Int {
    var head = gyre_load_relaxed(raw.pointee.cq.khead)
    let count = min(Int(gyre_load_acquire(raw.pointee.cq.ktail) &- head), limit)
    for index in 0..<count {
      if index + Ring.announced < count { coming(completion(head &+ UInt32(Ring.announced)).pointee.user_data) }
      let entry = completion(head)
      let (userData, result, flags) = (entry.pointee.user_data, entry.pointee.res, entry.pointee.flags)
      head &+= 1
      gyre_store_release(raw.pointee.cq.khead, head)
      body(userData, result, flags)
    }
    return count
  }

  /// Inside the mapped array, and the kernel leaves it alone until `khead` passes it.
  @inline(__always)
  private func completion(_ index: UInt32) -> UnsafeMutablePointer<io_uring_cqe> {
    raw.pointee.cq.cqes + Int(index & completionMask)
  }

  // MARK: The one system call

  /// Submits everything prepared and waits for `count` completions, at most `nanoseconds` long (`nil`: no limit).
  ///
  /// - Returns: entries submitted, or -errno; `-ETIME` and `-EINTR` are ordinary ends of a wait. `io_uring_enter(2)`
  func enter(waitingFor count: UInt32, nanoseconds: UInt64? = nil) -> Int32 {
    gyre_store_release(raw.pointee.sq.ktail, raw.pointee.sq.sqe_tail)
    let flags = enterFlags | UInt32(IORING_ENTER_GETEVENTS)
    guard count > 0, let nanoseconds else {
      return gyre_enter(enterDescriptor, prepared, count, flags, nil, 8)
    }
    var limit = __kernel_timespec(
      tv_sec: Int64(nanoseconds / 1_000_000_000),
      tv_nsec: Int64(nanoseconds % 1_000_000_000)
    )
    // Both structs are read by the kernel before the call returns, and live on this frame until then.
    return withUnsafePointer(to: &limit) { limit in
      var argument = io_uring_getevents_arg()
      argument.ts = UInt64(UInt(bitPattern: limit))
      return gyre_enter(
        enterDescriptor,
        prepared,
        count,
        flags | UInt32(IORING_ENTER_EXT_ARG),
        &argument,
        MemoryLayout<io_uring_getevents_arg>.size
      )
    }
  }

  // MARK: Set-up

  /// The set-up flags to try, the best first; each step gives up the newest kernel feature of the one before.
  static let flagLadder: [UInt32] = {
    let base = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE
    let cooperative = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG
    return [
      base | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
        | IORING_SETUP_TASKRUN_FLAG,
      base | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | cooperative,
      base | IORING_SETUP_SUBMIT_ALL | cooperative,
      base | IORING_SETUP_SUBMIT_ALL,
      base,
      0,
    ].map { UInt32($0) }
  }()

  private static func setUp(
    _ raw: UnsafeMutablePointer<io_uring>,
    size: Size,
    ladder: ArraySlice<UInt32>
  ) throws(Errno) -> UInt32 {
    var size = size
    while true {
      let result = firstAccepted(raw, size: size, ladder: ladder)
      switch result {
      case .success(let flags): return flags
      case .failure(.noMemory) where size.completions > 16 || size.submissions > 8:
        size.submissions = max(size.submissions / 2, 8)
        size.completions = max(size.completions / 2, 16)
      case .failure(let error): throw error
      }
    }
  }

  private static func firstAccepted(
    _ raw: UnsafeMutablePointer<io_uring>,
    size: Size,
    ladder: ArraySlice<UInt32>
  ) -> Result<UInt32, Errno> {
    var last = Errno.invalidArgument
    for flags in ladder {
      var parameters = io_uring_params()
      parameters.flags = flags
      parameters.cq_entries = flags & UInt32(IORING_SETUP_CQSIZE) == 0 ? 0 : max(size.completions, size.submissions)
      let result = io_uring_queue_init_params(size.submissions, raw, &parameters)
      if result == 0 { return .success(flags) }
      last = Errno(rawValue: -result)
      // Only EINVAL says that a flag is unknown; every other error is about something else.
      if last != .invalidArgument { break }
    }
    return .failure(last)
  }

  /// Points every slot of the submission array at the entry of the same number, once: entries are then submitted in
  /// order by moving the tail alone.
  private func identitySubmissionArray() {
    guard let array = raw.pointee.sq.array else { return }
    for index in 0..<size.submissions { array[Int(index)] = index }
  }
}
