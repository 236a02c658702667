import CLiburing
import Glibc
import Testing

/// The shim's own constants, against what the running kernel does with them.
///
/// A kernel that lacks a feature must refuse it, and a sandbox that forbids io_uring must say so with one of the errors
/// that make Gyre fall back: either answer is asserted, no test is skipped.
struct CLiburingKernelTests {
  // MARK: What the kernel says of itself

  @Test func queryAnswersOrIsRefused() {
    var question = KernelQuery()
    #expect(question.result == 0 || KernelQuery.refusals.contains(-question.result))
    guard question.result == 0 else { return }
    #expect(question.header.result == 0)
    #expect(question.header.size == 48)
    #expect(question.answer.nr_register_opcodes > GYRE_REGISTER_QUERY)
    #expect(question.answer.nr_request_opcodes > GYRE_OP_PIPE, "PIPE is older than the query")
    #expect(question.answer.sqe_flags & 0x7f == 0x7f)
    let enter = UInt64(GYRE_ENTER_ABS_TIMER | GYRE_ENTER_EXT_ARG_REG | GYRE_ENTER_NO_IOWAIT)
    #expect(question.answer.enter_flags & enter == enter)
    question.ask(99)
    #expect(question.result == 0 && question.header.result == -EOPNOTSUPP, "an unknown question among known ones")
  }

  @Test func opcodesAreInTheProbe() throws {
    try withRing { ring in
      let supported = ring.operations
      let query = KernelQuery()
      if query.result == 0 {
        #expect(ring.features == UInt32(truncatingIfNeeded: query.answer.feature_flags))
        #expect(supported.allSatisfy { $0 < query.answer.nr_request_opcodes })
      }
      // Each was added after the one before, so the supported ones end where the kernel's table ends.
      let last = try #require(supported.max())
      for opcode in GYRE_OP_READ_MULTISHOT...GYRE_OP_PIPE where opcode != GYRE_OP_RECV_ZC {
        #expect(supported.contains(UInt32(opcode)) == (opcode <= last), "opcode \(opcode)")
      }
    }
  }

  @Test func featureBitsAreKnownToTheQuery() throws {
    let query = KernelQuery()
    guard query.result == 0 else { return }
    let bits = [
      GYRE_FEAT_REG_REG_RING, GYRE_FEAT_RECVSEND_BUNDLE, GYRE_FEAT_MIN_TIMEOUT, GYRE_FEAT_RW_ATTR, GYRE_FEAT_NO_IOWAIT,
    ]
    for bit in bits { #expect(query.answer.feature_flags & UInt64(bit) != 0, "older than the query: \(bit)") }
  }

  // MARK: Set-up

  /// Every flag with the flags that it needs beside it. `SQ_AFF` and `ATTACH_WQ` are about other objects than the ring.
  static let setupFlags: [(flag: UInt32, beside: UInt32)] = [
    (IORING_SETUP_IOPOLL, 0), (IORING_SETUP_SQPOLL, 0), (IORING_SETUP_CQSIZE, 0), (IORING_SETUP_CLAMP, 0),
    (IORING_SETUP_R_DISABLED, 0), (IORING_SETUP_SUBMIT_ALL, 0), (IORING_SETUP_COOP_TASKRUN, 0),
    (IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_COOP_TASKRUN), (IORING_SETUP_SQE128, 0), (IORING_SETUP_CQE32, 0),
    (IORING_SETUP_SINGLE_ISSUER, 0), (IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER),
    (GYRE_SETUP_NO_MMAP, 0), (GYRE_SETUP_REGISTERED_FD_ONLY, GYRE_SETUP_NO_MMAP), (GYRE_SETUP_NO_SQARRAY, 0),
    (GYRE_SETUP_HYBRID_IOPOLL, IORING_SETUP_IOPOLL), (GYRE_SETUP_CQE_MIXED, 0), (GYRE_SETUP_SQE_MIXED, 0),
    (GYRE_SETUP_SQ_REWIND, GYRE_SETUP_NO_SQARRAY), (1 << 31, 0),
  ]

  @Test(arguments: setupFlags)
  func setupAcceptsWhatTheQuerySays(flag: UInt32, beside: UInt32) throws {
    let result = KernelRing.setUpAndClose(flag | beside)
    if let denial = KernelRing.denial {
      #expect(result == -denial)
      return
    }
    let query = KernelQuery()
    guard query.result == 0 else {
      #expect(result == 0 || result == -EINVAL)
      return
    }
    let isKnown = query.answer.ring_setup_flags & UInt64(flag | beside) == UInt64(flag | beside)
    #expect(result == (isKnown ? 0 : -EINVAL))
  }

  @Test func someFlagsNeedOthers() {
    let denial = -(KernelRing.denial ?? EINVAL)
    #expect(KernelRing.setUpAndClose(IORING_SETUP_DEFER_TASKRUN) == denial)
    #expect(KernelRing.setUpAndClose(IORING_SETUP_TASKRUN_FLAG) == denial)
    #expect(KernelRing.setUpAndClose(GYRE_SETUP_REGISTERED_FD_ONLY) == denial)
    #expect(KernelRing.setUpAndClose(GYRE_SETUP_SQ_REWIND) == denial)
  }

  // MARK: Waiting

  @Test func noIOWaitIsAcceptedIfTheFeatureBitSaysSo() throws {
    try withRing { ring in
      let result = ring.enter(waitFor: 0, GYRE_ENTER_NO_IOWAIT)
      #expect(result == (ring.features & GYRE_FEAT_NO_IOWAIT != 0 ? 0 : -EINVAL))
    }
  }

  @Test func minimumWaitIsAcceptedIfTheFeatureBitSaysSo() throws {
    try withRing { ring in
      var limit = gyre_timespec(tv_sec: 0, tv_nsec: 2_000_000)
      // The kernel reads the time-out before the call returns.
      let result = withUnsafePointer(to: &limit) { limit in
        var argument = gyre_getevents_arg()
        argument.min_wait_usec = 1000
        argument.ts = UInt64(UInt(bitPattern: limit))
        return ring.enter(waitFor: 1, IORING_ENTER_EXT_ARG, &argument, MemoryLayout<gyre_getevents_arg>.size)
      }
      #expect(result == (ring.features & GYRE_FEAT_MIN_TIMEOUT != 0 ? -ETIME : -EINVAL))
    }
  }

  @Test func absoluteTimeoutsAreKnownToTheQuery() throws {
    try withRing { ring in
      // A moment after the machine's start, by the monotonic clock: long past. As a duration it would be a nanosecond.
      var past = gyre_timespec(tv_sec: 0, tv_nsec: 1)
      let result = withUnsafePointer(to: &past) { past in
        var argument = gyre_getevents_arg()
        argument.ts = UInt64(UInt(bitPattern: past))
        let flags = IORING_ENTER_EXT_ARG | GYRE_ENTER_ABS_TIMER
        return ring.enter(waitFor: 1, flags, &argument, MemoryLayout<gyre_getevents_arg>.size)
      }
      #expect(result == -ETIME || (result == -EINVAL && !ring.knowsEnterFlag(GYRE_ENTER_ABS_TIMER)))
    }
  }

  @Test func aRegisteredWaitTimesOut() throws {
    try withRing(IORING_SETUP_R_DISABLED) { ring in
      let page = Int(getpagesize())
      let memory = try #require(mmap(nil, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
      defer { munmap(memory, page) }
      var wait = gyre_reg_wait()
      wait.ts.tv_nsec = 1
      wait.flags = GYRE_REG_WAIT_TS
      // The page outlives the registration: the kernel pins it, and the ring is closed by the end of the test.
      memory.storeBytes(of: wait, as: gyre_reg_wait.self)
      let registered = ring.registerWaitRegion(memory, page)
      #expect(ring.isConsistent(GYRE_REGISTER_MEM_REGION, registered))
      #expect(ring.register(KernelRing.enableRings, nil, 0) == 0)
      let flags = IORING_ENTER_EXT_ARG | GYRE_ENTER_EXT_ARG_REG
      let result = ring.enter(waitFor: 1, flags, nil, MemoryLayout<gyre_reg_wait>.size)
      #expect(result == (registered == 0 ? -ETIME : -EINVAL))
    }
  }

  // MARK: Register operations

  @Test func clockAndNAPIRegister() throws {
    try withRing { ring in
      var clock = gyre_clock_register(clockid: UInt32(CLOCK_MONOTONIC), resv: (0, 0, 0))
      #expect(ring.isConsistent(GYRE_REGISTER_CLOCK, ring.register(UInt32(GYRE_REGISTER_CLOCK), &clock, 0)))
      var napi = gyre_napi()
      napi.busy_poll_to = 10
      let registered = ring.register(UInt32(GYRE_REGISTER_NAPI), &napi, 1)
      // A kernel without busy polling knows the operation and cannot do it.
      #expect(registered == -EOPNOTSUPP || ring.isConsistent(GYRE_REGISTER_NAPI, registered))
      if registered == 0 {
        #expect(ring.register(UInt32(GYRE_UNREGISTER_NAPI), &napi, 1) == 0)
        #expect(napi.busy_poll_to == 10, "what was set comes back")
      }
    }
  }

  @Test func onlyDeferringRingsResize() throws {
    try withRing { ring in
      var size = io_uring_params()
      (size.sq_entries, size.cq_entries, size.flags) = (16, 64, IORING_SETUP_CQSIZE)
      #expect(ring.register(UInt32(GYRE_REGISTER_RESIZE_RINGS), &size, 1) == -EINVAL)
    }
    let flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
    guard KernelRing.denial == nil, KernelRing.setUpAndClose(flags) == 0 else { return }
    try withRing(flags) { ring in
      var size = io_uring_params()
      (size.sq_entries, size.cq_entries, size.flags) = (16, 64, IORING_SETUP_CQSIZE)
      let resized = ring.register(UInt32(GYRE_REGISTER_RESIZE_RINGS), &size, 1)
      #expect(ring.isConsistent(GYRE_REGISTER_RESIZE_RINGS, resized))
      if resized == 0 { #expect(size.sq_entries == 16 && size.cq_entries == 64) }
    }
  }

  @Test func buffersAreCloned() throws {
    try withRing { source in
      try withRing { target in
        var byte: UInt8 = 0
        // The buffer is pinned by the kernel until the rings are closed, which is before `byte` goes.
        withUnsafeMutablePointer(to: &byte) { byte in
          var vector = iovec(iov_base: byte, iov_len: 1)
          #expect(source.register(KernelRing.registerBuffers, &vector, 1) == 0)
        }
        var clone = gyre_clone_buffers()
        clone.src_fd = UInt32(source.descriptor)
        let cloned = target.register(UInt32(GYRE_REGISTER_CLONE_BUFFERS), &clone, 1)
        #expect(target.isConsistent(GYRE_REGISTER_CLONE_BUFFERS, cloned))
        #expect((target.register(KernelRing.unregisterBuffers, nil, 0) == 0) == (cloned == 0))
      }
    }
  }

  @Test func aThreadWithoutARingSendsAMessage() throws {
    try withRing { ring in
      var entry = io_uring_sqe()
      io_uring_prep_msg_ring(&entry, ring.descriptor, 5, 77, 0)
      let sent = gyre_register(-1, UInt32(GYRE_REGISTER_SEND_MSG_RING), &entry, 1)
      // Older kernels look for a ring behind the descriptor first.
      #expect(sent == -EBADF || ring.isConsistent(GYRE_REGISTER_SEND_MSG_RING, sent))
      if sent == 0 {
        let message = try #require(ring.next())
        #expect(message.user_data == 77 && message.res == 5)
      }
    }
  }

  @Test func synchronousCancelByOpcode() throws {
    try withRing { ring in
      var cancel = gyre_sync_cancel_reg()
      cancel.fd = -1
      cancel.flags = GYRE_ASYNC_CANCEL_OP
      cancel.opcode = UInt8(IORING_OP_POLL_ADD.rawValue)
      (cancel.timeout.tv_sec, cancel.timeout.tv_nsec) = (-1, -1)
      let result = ring.register(KernelRing.synchronousCancel, &cancel, 1)
      #expect(result == -ENOENT || result == -EINVAL, "there is none, or the flag is unknown")
      #expect(KernelQuery().result != 0 || result == -ENOENT, "the flag is older than the query")
    }
  }

  // MARK: Provided buffers

  @Test func theKernelAllocatesABufferRing() throws {
    try withRing { ring in
      var registration = gyre_buf_reg()
      (registration.ring_entries, registration.bgid, registration.flags) = (8, 3, UInt16(GYRE_PBUF_RING_MMAP))
      let registered = ring.register(KernelRing.registerBufferRing, &registration, 1)
      guard registered == 0 else {
        #expect(registered == -EINVAL && KernelQuery().result != 0)
        return
      }
      let offset = Int(GYRE_OFF_PBUF_RING | 3 << UInt64(GYRE_OFF_PBUF_SHIFT))
      let memory = mmap(nil, 128, PROT_READ | PROT_WRITE, MAP_SHARED, ring.descriptor, offset)
      #expect(memory != MAP_FAILED)
      munmap(memory, 128)
    }
  }

  @Test func anIncrementalBufferStaysTheKernels() throws {
    try withRing { ring in
      let registered = try ring.provideBuffers(count: 2, size: 64, flags: GYRE_PBUF_RING_INC)
      guard registered == 0 else {
        #expect(registered == -EINVAL && KernelQuery().result != 0)
        return
      }
      for _ in 0..<2 {
        let received = try #require(try ring.receive(4, flags: 0))
        #expect(received.res == 4)
        #expect(received.flags & GYRE_CQE_F_BUF_MORE != 0)
        #expect(received.flags >> 16 == 0, "the same buffer again")
      }
      #expect(ring.bufferGroupHead(is: 0))
    }
  }

  @Test func aWholeBufferIsConsumed() throws {
    try withRing { ring in
      guard try ring.provideBuffers(count: 2, size: 64, flags: 0) == 0 else { return }
      let received = try #require(try ring.receive(4, flags: 0))
      #expect(received.res == 4 && received.flags & GYRE_CQE_F_BUF_MORE == 0)
      #expect(ring.bufferGroupHead(is: 1))
    }
  }

  @Test func aBundleFillsSeveralBuffers() throws {
    try withRing { ring in
      guard try ring.provideBuffers(count: 2, size: 4, flags: 0) == 0 else { return }
      let received = try #require(try ring.receive(8, flags: UInt16(GYRE_RECVSEND_BUNDLE)))
      #expect(received.res == (ring.features & GYRE_FEAT_RECVSEND_BUNDLE != 0 ? 8 : -EINVAL))
    }
  }

  // MARK: Opcodes do what they are named after

  @Test(arguments: [false, true])
  func installReallyInstalls(keepingOverExec: Bool) throws {
    try withRing { ring in
      let pipe = try Pipe()
      defer { pipe.close() }
      var files = pipe.reader
      #expect(ring.register(KernelRing.registerFiles, &files, 1) == 0)
      let answer = try ring.perform { entry in
        gyre_prep_fixed_fd_install(entry, 0)
        if keepingOverExec { entry.pointee.rw_flags = Int32(GYRE_FIXED_FD_NO_CLOEXEC) }
      }
      guard ring.supports(GYRE_OP_FIXED_FD_INSTALL) else {
        #expect(answer.res == -EINVAL)
        return
      }
      let installed = answer.res
      try #require(installed >= 0 && installed != pipe.reader)
      defer { close(installed) }
      #expect(fcntl(installed, F_GETFD) == (keepingOverExec ? 0 : FD_CLOEXEC))
      #expect(write(pipe.writer, "?", 1) == 1)
      var byte: UInt8 = 0
      #expect(read(installed, &byte, 1) == 1 && byte == UInt8(ascii: "?"))
    }
  }

  @Test func truncateTruncates() throws {
    try withRing { ring in
      let file = try #require(tmpfile())
      defer { fclose(file) }
      let answer = try ring.perform { io_uring_prep_rw(GYRE_OP_FTRUNCATE, $0, fileno(file), nil, 0, 1234) }
      #expect(answer.res == ring.expected(0, of: GYRE_OP_FTRUNCATE))
      #expect(lseek(fileno(file), 0, SEEK_END) == (answer.res == 0 ? 1234 : 0))
    }
  }

  @Test func bindBindsAndListenListens() throws {
    try withRing { ring in
      let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      defer { close(socket) }
      var family = sa_family_t(AF_UNIX)
      let bound = try ring.perform { entry in
        // The kernel copies the address when the entry is submitted, which is before `family` goes.
        io_uring_prep_rw(GYRE_OP_BIND, entry, socket, &family, 0, UInt64(MemoryLayout<sa_family_t>.size))
      }
      #expect(bound.res == ring.expected(0, of: GYRE_OP_BIND))
      let listening = try ring.perform { io_uring_prep_rw(GYRE_OP_LISTEN, $0, socket, nil, 1, 0) }
      #expect(listening.res == ring.expected(0, of: GYRE_OP_LISTEN))
      var accepts: Int32 = 0
      var length = socklen_t(4)
      #expect(getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0)
      #expect(accepts == (listening.res == 0 ? 1 : 0))
    }
  }

  @Test func pipeMakesAPipe() throws {
    try withRing { ring in
      // Written by the kernel before the answer, and freed after it.
      let ends = UnsafeMutablePointer<Int32>.allocate(capacity: 2)
      defer { ends.deallocate() }
      let answer = try ring.perform { io_uring_prep_rw(GYRE_OP_PIPE, $0, 0, ends, 0, 0) }
      #expect(answer.res == ring.expected(0, of: GYRE_OP_PIPE))
      guard answer.res == 0 else { return }
      #expect(write(ends[1], "?", 1) == 1)
      close(ends[0])
      close(ends[1])
    }
  }

  // MARK: Flags of operations

  @Test func socketCommandsReadQueuesAndSetOptions() throws {
    try withRing { ring in
      let pair = try TCPPair(sending: 1000)
      defer { pair.close() }
      let queued = try ring.perform {
        gyre_prep_socket_command($0, UInt32(GYRE_SOCKET_OP_SIOCINQ), pair.server, 0, 0, nil, 0)
      }
      guard queued.res >= 0 else {
        #expect([-EINVAL, -EOPNOTSUPP].contains(queued.res) && KernelQuery().result != 0)
        return
      }
      #expect(queued.res == 1000)
      let unsent = try ring.perform {
        gyre_prep_socket_command($0, UInt32(GYRE_SOCKET_OP_SIOCOUTQ), pair.server, 0, 0, nil, 0)
      }
      #expect(unsent.res == 0)
      try setAndGetOptions(pair.server, ring)
    }
  }

  private func setAndGetOptions(_ socket: Int32, _ ring: KernelRing) throws {
    // The kernel reads or writes the value before the answer, and it is freed after it.
    let value = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { value.deallocate() }
    value.initialize(to: 1)
    let set = try ring.perform {
      let (level, name) = (UInt32(IPPROTO_TCP), UInt32(TCP_NODELAY))
      gyre_prep_socket_command($0, UInt32(GYRE_SOCKET_OP_SETSOCKOPT), socket, level, name, value, 4)
    }
    #expect(set.res == 0)
    var noDelay: Int32 = 0
    var length = socklen_t(4)
    #expect(getsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, &length) == 0 && noDelay == 1)
    let type = try ring.perform {
      let (level, name) = (UInt32(SOL_SOCKET), UInt32(SO_TYPE))
      gyre_prep_socket_command($0, UInt32(GYRE_SOCKET_OP_GETSOCKOPT), socket, level, name, value, 4)
    }
    #expect(type.res == 4, "the length that was written")
    #expect(value.pointee == Int32(SOCK_STREAM.rawValue))
  }

  @Test func acceptDoesNotWaitIfAskedNotTo() throws {
    try withRing { ring in
      let pair = try TCPPair(sending: 1)
      defer { pair.close() }
      let answer = try ring.perform { entry in
        io_uring_prep_accept(entry, pair.listener, nil, nil, 0)
        entry.pointee.ioprio = UInt16(GYRE_ACCEPT_DONTWAIT)
      }
      #expect(answer.res == -EAGAIN || (answer.res == -EINVAL && KernelQuery().result != 0))
    }
  }

  @Test func acceptPollsFirst() throws {
    try withRing { ring in
      let pair = try TCPPair(sending: 1)
      defer { pair.close() }
      let client = try pair.connectAgain()
      defer { close(client) }
      let answer = try ring.perform { entry in
        io_uring_prep_accept(entry, pair.listener, nil, nil, 0)
        entry.pointee.ioprio = UInt16(GYRE_ACCEPT_POLL_FIRST)
      }
      #expect(answer.res >= 0 || (answer.res == -EINVAL && KernelQuery().result != 0))
      if answer.res >= 0 { close(answer.res) }
    }
  }

  @Test func aVectorIsSent() throws {
    try withRing { ring in
      let pair = try TCPPair(sending: 1)
      defer { pair.close() }
      // The kernel copies vectors and bytes before the answer; they are freed after it.
      let vectors = UnsafeMutablePointer<iovec>.allocate(capacity: 2)
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: 3, alignment: 1)
      defer {
        vectors.deallocate()
        bytes.deallocate()
      }
      bytes.initializeMemory(as: UInt8.self, repeating: 0x3f, count: 3)
      vectors.initialize(to: iovec(iov_base: bytes, iov_len: 1))
      (vectors + 1).initialize(to: iovec(iov_base: bytes + 1, iov_len: 2))
      let answer = try ring.perform { entry in
        io_uring_prep_rw(Int32(IORING_OP_SEND.rawValue), entry, pair.client, vectors, 2, 0)
        entry.pointee.ioprio = UInt16(GYRE_SEND_VECTORIZED)
      }
      #expect(answer.res == 3 || (answer.res == -EINVAL && KernelQuery().result != 0))
    }
  }

  @Test func zeroCopySendReportsUsage() throws {
    try withRing { ring in
      let pair = try TCPPair(sending: 1)
      defer { pair.close() }
      // Read by the kernel until the notification, and freed after it.
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
      defer { bytes.deallocate() }
      let sent = try ring.perform { entry in
        io_uring_prep_rw(Int32(IORING_OP_SEND_ZC.rawValue), entry, pair.client, bytes, 64, 0)
        entry.pointee.ioprio = UInt16(GYRE_SEND_ZC_REPORT_USAGE)
      }
      guard sent.res == 64 else {
        #expect(sent.res == -EINVAL && KernelQuery().result != 0)
        return
      }
      let notification = try #require(ring.next())
      #expect(notification.flags & IORING_CQE_F_NOTIF != 0)
      #expect([0, GYRE_NOTIF_USAGE_ZC_COPIED].contains(UInt32(bitPattern: notification.res)))
    }
  }

  @Test func aTimeoutRepeats() throws {
    try withRing { ring in
      var period = __kernel_timespec(tv_sec: 0, tv_nsec: 1_000_000)
      let first = try ring.perform { io_uring_prep_timeout($0, &period, 2, GYRE_TIMEOUT_MULTISHOT) }
      if first.res == -EINVAL {
        #expect(KernelQuery().result != 0)
        return
      }
      #expect(first.res == -ETIME && first.flags & IORING_CQE_F_MORE != 0)
      let second = try #require(ring.next())
      #expect(second.res == -ETIME && second.flags & IORING_CQE_F_MORE == 0)
    }
  }

  @Test func aMessageCarriesFlags() throws {
    try withRing { sender in
      try withRing { receiver in
        let sent = try sender.perform { entry in
          io_uring_prep_msg_ring(entry, receiver.descriptor, 5, 77, GYRE_MSG_RING_FLAGS_PASS)
          entry.pointee.file_index = GYRE_CQE_F_BUF_MORE | GYRE_CQE_F_SKIP
        }
        if sent.res < 0 {
          #expect(sent.res == -EINVAL && KernelQuery().result != 0)
          return
        }
        let message = try #require(receiver.next())
        #expect(message.user_data == 77 && message.res == 5)
        #expect(message.flags == GYRE_CQE_F_BUF_MORE | GYRE_CQE_F_SKIP)
      }
    }
  }

  @Test(arguments: [GYRE_ASYNC_CANCEL_OP, GYRE_ASYNC_CANCEL_USERDATA])
  func cancelMatches(by key: UInt32) throws {
    try withRing { ring in
      let pipe = try Pipe()
      defer { pipe.close() }
      ring.submit(as: 77) { io_uring_prep_poll_add($0, pipe.reader, UInt32(POLLIN)) }
      ring.submit(as: 78) { entry in
        let opcode = IORING_OP_POLL_ADD.rawValue
        io_uring_prep_rw(Int32(IORING_OP_ASYNC_CANCEL.rawValue), entry, -1, nil, 0, 0)
        if key == GYRE_ASYNC_CANCEL_OP { entry.pointee.len = opcode } else { entry.pointee.addr = 77 }
        entry.pointee.cancel_flags = key
      }
      let first = try #require(ring.next())
      if first.user_data == 78 && first.res == -EINVAL {
        #expect(KernelQuery().result != 0)
        return
      }
      let second = try #require(ring.next())
      let poll = first.user_data == 77 ? first : second
      #expect(poll.res == -ECANCELED)
      #expect(Set([first.user_data, second.user_data]) == [77, 78])
    }
  }

  // MARK: Help

  /// Runs `body` with a ring, or asserts that io_uring is denied by an error that Gyre falls back on.
  private func withRing(_ setupFlags: UInt32 = 0, _ body: (KernelRing) throws -> Void) throws {
    if let denial = KernelRing.denial {
      #expect([EPERM, ENOSYS, EACCES, ENOMEM].contains(denial))
    } else {
      try body(try #require(KernelRing(setupFlags)))
    }
  }

}
