import CLiburing

/// What this kernel's io_uring can do, found by doing it.
///
/// A version number says little: distributions backport, sandboxes take away, and a number cannot tell which. So every
/// feature is asked of the kernel itself: with `IORING_REGISTER_PROBE`, with a set-up that succeeds or fails with
/// `EINVAL`, or by performing the operation once between descriptors of the probe's own. It takes about a millisecond and
/// leaves nothing behind. `io_uring_setup(2)`, `io_uring_register(2)`
struct RingFeatures: Sendable {
  /// The opcodes that the kernel performs, `IORING_OP_*`.
  let operations: Set<UInt8>
  /// What `io_uring_setup(2)` answered: `IORING_FEAT_*`.
  let featureBits: UInt32
  /// Of the set-up flags that Gyre asks for, those that the kernel accepts: `IORING_SETUP_*`.
  let setupFlags: UInt32
  /// A ring's descriptor can be registered with itself. `io_uring_register_ring_fd(3)`
  let registersRing: Bool
  /// A ring of provided buffers can be registered. `io_uring_register_buf_ring(3)`
  let providesBuffers: Bool
  /// One receive completes several times, into provided buffers. `io_uring_prep_recv_multishot(3)`
  let multishotReceive: Bool
  /// Such a receive can end by itself after a number of bytes (Linux 6.18).
  let receiveLimit: Bool
  /// Such a receive can fill several buffers with one completion, within the limit (Linux 6.18).
  let receiveBundles: Bool
  /// One accept completes for every connection. `io_uring_prep_multishot_accept(3)`
  let multishotAccept: Bool
  /// The same into the ring's own table of files. `io_uring_prep_multishot_accept_direct(3)`
  let directAccept: Bool
  /// A file of that table can be given an ordinary descriptor. `io_uring_prep_fixed_fd_install(3)`
  let fixedDescriptorInstall: Bool
  /// One poll completes at every edge. `io_uring_prep_poll_multishot(3)`
  let multishotPoll: Bool
  /// A ring can post a completion to another. `io_uring_prep_msg_ring(3)`
  let messageRing: Bool
  /// A thread without a ring can. `io_uring_register_sync_msg(3)`
  let sendMessageRing: Bool
  /// A wait can have a time-out of its own: `IORING_ENTER_EXT_ARG`. `io_uring_enter(2)`
  let waitTimeout: Bool
  /// A wait need not count as I/O wait: `IORING_ENTER_NO_IOWAIT`. `io_uring_enter(2)`
  let noIOWait: Bool

  /// Asks the kernel.
  /// - Returns: the features, or the `Errno` of `io_uring_setup(2)` where there is no io_uring at all: `EPERM` (seccomp,
  ///   sysctl), `ENOSYS`, `EACCES`, `ENOMEM`.
  ///
  /// - Parameter configuration: what it takes away is not there.
  static func probe(for configuration: EventLoop.Configuration = .init()) -> Result<RingFeatures, Errno> {
    do throws(Errno) {
      return .success(RingFeatures(asking: try RingProbe(), for: configuration))
    } catch {
      return .failure(error)
    }
  }

  private init(asking ring: RingProbe, for configuration: EventLoop.Configuration) {
    let allows = configuration.allows
    operations = ring.operations()
    featureBits = ring.featureBits
    setupFlags = RingProbe.acceptedSetupFlags() & ~(allows(.deferredTaskRun) ? 0 : IORING_SETUP_DEFER_TASKRUN)
    let receives = ring.receivesIntoProvidedBuffers()
    providesBuffers = receives.registered
    // A loop that does without it wants a kernel that has it all the same.
    multishotReceive = receives.multishot
    receiveLimit = receives.limited && allows(.receiveLimit) && allows(.multishotReceive)
    receiveBundles = receives.bundles && receiveLimit && allows(.receiveBundles)
    multishotAccept = ring.accepts(direct: false)
    directAccept = ring.accepts(direct: true) && allows(.directDescriptors)
    fixedDescriptorInstall = ring.installsDescriptor()
    multishotPoll = ring.pollsMultishot()
    messageRing = ring.sendsMessage() && allows(.messageRing)
    sendMessageRing = ring.isSentMessage()
    waitTimeout = ring.waitsWithTimeout()
    noIOWait = ring.entersWithoutIOWait() && allows(.noIOWait)
    registersRing = ring.registersItself()
  }

  /// Whether the kernel performs an opcode, `IORING_OP_*`.
  func performs(_ opcode: io_uring_op) -> Bool { operations.contains(UInt8(opcode.rawValue)) }

  /// Whether the kernel accepts a set-up flag, `IORING_SETUP_*`.
  func accepts(_ setupFlag: UInt32) -> Bool { setupFlags & setupFlag != 0 }

  // MARK: A table for people

  /// Every feature that Gyre uses, under the kernel's name, and what Gyre uses it for.
  var rows: [(name: String, available: Bool, use: String)] { required + setup + economies + direct }

  /// Without one of these, loops run on epoll.
  var required: [(name: String, available: Bool, use: String)] {
    [
      ("EXT_ARG", waitTimeout, "timers: a wait ends at the next deadline"),
      ("PBUF_RING", providesBuffers, "receiving: idle connections hold no buffer"),
      ("RECV multishot", multishotReceive, "receiving: one submission for a whole connection"),
      ("ACCEPT multishot", multishotAccept, "accepting: one submission for a whole listener"),
      ("POLL multishot", multishotPoll, "waking a loop from another thread"),
      ("SEND", performs(IORING_OP_SEND), "sending"),
      ("SENDMSG", performs(IORING_OP_SENDMSG), "sending several pieces at once"),
      ("CONNECT", performs(IORING_OP_CONNECT), "connecting"),
      ("SHUTDOWN", performs(IORING_OP_SHUTDOWN), "ending one direction of a connection"),
      ("CLOSE", performs(IORING_OP_CLOSE), "closing"),
      ("ASYNC_CANCEL", performs(IORING_OP_ASYNC_CANCEL), "cancellation, time-outs and closing"),
    ]
  }

  /// Flags of a ring; a loop does without those that are missing.
  private var setup: [(name: String, available: Bool, use: String)] {
    [
      ("CLAMP", accepts(IORING_SETUP_CLAMP), "set-up: sizes above the kernel's limits are lowered"),
      ("CQSIZE", accepts(IORING_SETUP_CQSIZE), "set-up: a completion queue that does not overflow"),
      ("SUBMIT_ALL", accepts(IORING_SETUP_SUBMIT_ALL), "set-up: a bad submission does not hold up the next"),
      ("SINGLE_ISSUER", accepts(IORING_SETUP_SINGLE_ISSUER), "set-up: one thread submits, so the kernel locks less"),
      ("DEFER_TASKRUN", accepts(IORING_SETUP_DEFER_TASKRUN), "set-up: completions are posted when the loop asks"),
      ("COOP_TASKRUN", accepts(IORING_SETUP_COOP_TASKRUN), "set-up: no interrupts, where DEFER_TASKRUN is missing"),
      ("TASKRUN_FLAG", accepts(IORING_SETUP_TASKRUN_FLAG), "set-up: no system call to learn that nothing is there"),
    ]
  }

  /// Savings; a loop does without those that are missing.
  private var economies: [(name: String, available: Bool, use: String)] {
    [
      ("REGISTER_RING_FDS", registersRing, "entering: no look-up of the ring's descriptor"),
      ("RECV multishot limit", receiveLimit, "receiving: a burst cannot take more than one connection's share"),
      ("RECV bundles", receiveBundles, "receiving: a stream fills many buffers with one completion"),
      ("MSG_RING", messageRing, "waking a loop from another loop, without a system call of its own"),
      ("NO_IOWAIT", noIOWait, "entering: an idle loop is not counted as waiting for a disk"),
    ]
  }

  /// Direct descriptors; without one of these, accepted sockets are ordinary descriptors.
  private var direct: [(name: String, available: Bool, use: String)] {
    [
      ("ACCEPT multishot direct", directAccept, "direct descriptors: sockets in the ring's own table"),
      ("FIXED_FD_INSTALL", fixedDescriptorInstall, "direct descriptors: an ordinary one beside, for socket options"),
    ]
  }
}
