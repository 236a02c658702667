import CLiburing
import DequeModule
import Glibc

/// The driver that makes the calls itself and waits for readiness where they would block.
///
/// It is edge-triggered and optimistic: an operation is tried when it starts; only if the call says `EAGAIN` does it wait,
/// for the next edge of its descriptor. Results are posted and delivered in `turn`, as a kernel's completions would be. A
/// socket is registered once, for both directions, when it first has to wait. A multishot operation stays with its
/// descriptor and is tried at each edge, a bounded number of calls at a time; what is left over goes on in the next turn.
final class EpollDriver: Driver {
  let backend = Backend.epoll
  let operations = OperationTable()
  let buffers: BufferPool
  let waker: Waker
  let socketFlags = Int32(SOCK_NONBLOCK.rawValue)
  let hasDirectRoom = false
  private(set) var counters = DriverCounters()
  var stampsCompletions = false

  private(set) var descriptor: Int32
  private let completionLimit: Int
  private let measuresTime: Bool
  private var sockets: [SocketState] = []
  private var posted: Deque<(id: OperationID, completion: Completion)> = []
  private var unfinished: Deque<Direction> = []
  private var turnsSinceWait = 0
  private var failures = FailedWaits()
  /// Written by the kernel during `epoll_pwait2` and freed in `deinit`.
  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// Calls for one descriptor before the others have their turn.
  private static let callsAtOnce = 16
  /// Turns with posted completions that may pass without a look at the kernel.
  private static let turnsWithoutWait = 4

  private struct Waiting {
    var id = OperationID.none
    var operation: Operation?
  }

  private struct SocketState {
    var isRegistered = false
    /// A short read does not prove that nothing is left: the peer has ended its direction, the socket failed, or a read
    /// stops at an urgent mark.
    var mayHideMore = false
    var reading = Waiting()
    var writing = Waiting()
  }

  private struct Direction {
    let number: Int32
    let isReading: Bool
    let id: OperationID
  }

  init(configuration: EventLoop.Configuration, buffers: BufferPool) throws(Errno) {
    self.buffers = buffers
    buffers.makeList()
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    if descriptor < 0 { throw Errno.current }
    completionLimit = configuration.completionsPerTurn
    measuresTime = configuration.measuresTime
    events = .allocate(capacity: min(configuration.completionsPerTurn, 256))
    do throws(Errno) {
      waker = try Waker()
    } catch {
      Glibc.close(descriptor)
      events.deallocate()
      throw error
    }
    var event = epoll_event(events: EPOLLIN.rawValue | EPOLLET.rawValue, data: epoll_data_t(fd: waker.descriptor))
    if epoll_ctl(descriptor, EPOLL_CTL_ADD, waker.descriptor, &event) != 0 { throw Errno.current }
  }

  deinit {
    tearDown()
    events.deallocate()
  }

  // MARK: Driver

  var queues: DriverQueues {
    let ended = posted.count { !$0.completion.hasMore }
    return DriverQueues(inKernel: operations.inFlight - ended, completed: posted.count)
  }

  func start(_ operation: Operation, for target: OperationTarget) -> OperationID {
    let id = operations.begin(operation, for: target)
    switch operation {
    case .accept(let socket, _, _), .receive(let socket, _, _), .receiveInto(let socket, _, _),
      .pollReceive(let socket):
      makeRoom(for: socket.number)
      sockets[Int(socket.number)].reading = Waiting(id: id, operation: operation)
      advanceReading(socket.number)
    case .send(let socket, _, _), .sendMessage(let socket, _):
      makeRoom(for: socket.number)
      sockets[Int(socket.number)].writing = Waiting(id: id, operation: operation)
      advanceWriting(socket.number)
    case .connect(let socket, let address, let length):
      makeRoom(for: socket.number)
      startConnect(socket.number, address, length, id)
    case .shutdown(let socket, let how):
      post(id, result: Glibc.shutdown(socket.number, how))
    case .install(let socket):
      post(id, result: fcntl(socket.number, F_DUPFD_CLOEXEC, 0))
    case .close(let socket):
      if Int(socket.number) < sockets.count { sockets[Int(socket.number)] = SocketState() }
      post(id, result: Glibc.close(socket.number))
    }
    return id
  }

  func cancel(_ id: OperationID) {
    guard let number = operations.descriptor(of: id), Int(number) < sockets.count else { return }
    // What is not waiting has posted its terminal completion already: the cancel came too late. A socket beyond the table
    // has never waited at all.
    if sockets[Int(number)].reading.id == id { finish(reading: true, number, -ECANCELED) }
    if sockets[Int(number)].writing.id == id { finish(reading: false, number, -ECANCELED) }
  }

  var isIdle: Bool { posted.isEmpty && unfinished.isEmpty }

  func sendNow(_ number: Int32, _ address: UnsafeRawPointer, _ count: Int) -> Int32 {
    retrying { Glibc.send(number, address, count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) }
  }

  func adopt(_ descriptor: Descriptor) {}

  func forget(_ descriptor: Descriptor) {
    let number = Int(descriptor.number)
    guard number < sockets.count else { return }
    if sockets[number].isRegistered { epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor.number, nil) }
    sockets[number] = SocketState()
  }

  func wake(_ other: Waker) -> Bool { false }

  func tearDown() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }

  func turn(waiting nanoseconds: UInt64?) {
    let hasWork = !posted.isEmpty || !unfinished.isEmpty
    turnsSinceWait += 1
    if !hasWork || turnsSinceWait >= EpollDriver.turnsWithoutWait {
      turnsSinceWait = 0
      waitForEdges(hasWork ? 0 : nanoseconds)
    }
    goOn()
    deliver()
  }

  /// An epoll instance is itself readable while it has an event.
  var hasWork: Bool {
    if !posted.isEmpty || !unfinished.isEmpty { return true }
    var instance = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&instance, 1, 0) > 0
  }

  // MARK: Readiness

  private func waitForEdges(_ nanoseconds: UInt64?) {
    counters.waits &+= 1
    let start = measuresTime ? MonotonicClock.now : 0
    let count = gyre_epoll_wait(descriptor, events.baseAddress!, Int32(events.count), nanoseconds ?? .max)
    let error = errno
    if measuresTime { counters.nanosecondsInKernel &+= MonotonicClock.now - start }
    if count < 0 { return waitFailed(error, nanoseconds) }
    for event in events.prefix(Int(count)) where event.data.fd != waker.descriptor {
      edge(event.data.fd, event.events)
    }
  }

  @inline(never)
  private func waitFailed(_ error: Int32, _ nanoseconds: UInt64?) {
    // The wait ended.
    if error == EINTR { return }
    // EBADF, EINVAL: the instance's descriptor is somebody else's by now. EPERM, EACCES, ENOSYS: a filter. EFAULT: a defect
    // of this driver.
    failures.say("epoll_wait(2)", error)
    counters.failedWaits &+= 1
    FailedWaits.pause(insteadOf: nanoseconds)
  }

  private func edge(_ number: Int32, _ flags: UInt32) {
    // All of them last: an ended stream and a failed socket stay so, and who sends urgent data once may do so again.
    if flags & (EPOLLPRI.rawValue | EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
      sockets[Int(number)].mayHideMore = true
    }
    if flags & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
      advanceReading(number)
    }
    if flags & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { advanceWriting(number) }
  }

  /// Goes on with what had used up its calls, once each.
  private func goOn() {
    for _ in 0..<unfinished.count {
      let next = unfinished.removeFirst()
      let state = sockets[Int(next.number)]
      if next.isReading {
        if state.reading.id == next.id { advanceReading(next.number) }
      } else if state.writing.id == next.id {
        advanceWriting(next.number)
      }
    }
  }

  /// Makes the kernel tell of edges from now on. The registration itself counts as one if the socket is ready.
  private func awaitEdge(_ number: Int32) {
    guard !sockets[Int(number)].isRegistered else { return }
    sockets[Int(number)].isRegistered = true
    let interest = EPOLLIN.rawValue | EPOLLPRI.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
    var event = epoll_event(events: interest, data: epoll_data_t(fd: number))
    guard epoll_ctl(descriptor, EPOLL_CTL_ADD, number, &event) != 0 else { return }
    let error = -errno
    sockets[Int(number)].isRegistered = false
    finish(reading: true, number, error)
    finish(reading: false, number, error)
  }

  // MARK: Reading

  private func advanceReading(_ number: Int32) {
    let waiting = sockets[Int(number)].reading
    switch waiting.operation {
    case .receive: advanceReceive(number, waiting.id)
    case .receiveInto(_, let address, let count):
      // The caller's memory, which it lends until the terminal completion.
      let result = retrying { Glibc.recv(number, address, count, 0) }
      if result == -EAGAIN { awaitEdge(number) } else { finish(reading: true, number, result) }
    case .pollReceive:
      if isReady(number, POLLIN) { finish(reading: true, number, 0) } else { awaitEdge(number) }
    case .accept(_, _, let once): advanceAccept(number, waiting.id, once: once)
    default: break
    }
  }

  private func advanceReceive(_ number: Int32, _ id: OperationID) {
    for _ in 0..<EpollDriver.callsAtOnce {
      guard let buffer = buffers.take() else {
        buffers.noteExhaustion()
        return finish(reading: true, number, -ENOBUFS)
      }
      // The pool's buffer is ours from `take` until it is put back or lent.
      let result = retrying { Glibc.recv(number, buffers.address(of: buffer), buffers.size, 0) }
      guard result > 0 else {
        buffers.putBack(buffer)
        if result == -EAGAIN { return awaitEdge(number) }
        return finish(reading: true, number, result)
      }
      buffers.lend(from: buffer, for: Int(result))
      posted.append((id, Completion(result: result, buffer: buffer, hasMore: true, posted: stamp)))
      // A short read has drained a stream socket (epoll(7), question 9), if an edge will tell of what comes next.
      let state = sockets[Int(number)]
      if result < buffers.size && state.isRegistered && !state.mayHideMore { return }
    }
    unfinished.append(Direction(number: number, isReading: true, id: id))
  }

  private func advanceAccept(_ number: Int32, _ id: OperationID, once: Bool) {
    for _ in 0..<EpollDriver.callsAtOnce {
      let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      let result = retrying { Int(gyre_accept(number, flags)) }
      if result == -EAGAIN { return awaitEdge(number) }
      guard result >= 0 && !once else { return finish(reading: true, number, result) }
      posted.append((id, Completion(result: result, hasMore: true, posted: stamp)))
    }
    unfinished.append(Direction(number: number, isReading: true, id: id))
  }

  // MARK: Writing

  private func advanceWriting(_ number: Int32) {
    let flags = Int32(MSG_NOSIGNAL)
    let result: Int32
    // The addresses are the caller's, lent until the terminal completion.
    switch sockets[Int(number)].writing.operation {
    case .send(_, let address, let count): result = retrying { Glibc.send(number, address, count, flags) }
    case .sendMessage(_, let message): result = retrying { Glibc.sendmsg(number, message, flags) }
    case .connect: return finishConnect(number)
    default: return
    }
    if result == -EAGAIN { awaitEdge(number) } else { finish(reading: false, number, result) }
  }

  private func startConnect(_ number: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ id: OperationID)
  {
    // The call copies the address before it returns.
    if Glibc.connect(number, address, length) == 0 { return post(id, result: 0) }
    // An interrupted connect goes on by itself, as one in progress does. connect(2)
    guard errno == EINPROGRESS || errno == EINTR else { return post(id, result: -1) }
    sockets[Int(number)].writing = Waiting(id: id, operation: .connect(.ordinary(number), address, length))
    awaitEdge(number)
  }

  private func finishConnect(_ number: Int32) {
    // An edge can be of the time before the connect; only a writable socket has an outcome.
    guard isReady(number, POLLOUT) else { return }
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &length)
    finish(reading: false, number, -error)
  }

  // MARK: Completions

  private func deliver() {
    for _ in 0..<min(posted.count, completionLimit) {
      let next = posted.removeFirst()
      counters.completions &+= 1
      let delivered = operations.deliver(next.completion, to: next.id)
      assert(delivered, "a completion after the terminal one")
    }
  }

  private var stamp: UInt64 { stampsCompletions ? MonotonicClock.now : 0 }

  /// Posts the terminal completion of what waits on one direction of a socket.
  private func finish(reading: Bool, _ number: Int32, _ result: Int32) {
    let waiting = reading ? sockets[Int(number)].reading : sockets[Int(number)].writing
    guard waiting.operation != nil else { return }
    if reading { sockets[Int(number)].reading = Waiting() } else { sockets[Int(number)].writing = Waiting() }
    posted.append((waiting.id, Completion(result: result, posted: stamp)))
  }

  /// Posts the terminal completion of a call that returned `result` and, if that is negative, set errno.
  private func post(_ id: OperationID, result: Int32) {
    posted.append((id, Completion(result: result < 0 ? -errno : result, posted: stamp)))
  }

  // MARK: Helpers

  private func isReady(_ number: Int32, _ events: Int32) -> Bool {
    var poll = pollfd(fd: number, events: Int16(events), revents: 0)
    return Glibc.poll(&poll, 1, 0) == 1
  }

  private func makeRoom(for number: Int32) {
    while sockets.count <= Int(number) { sockets.append(SocketState()) }
  }

  @inline(__always)
  private func retrying(_ call: () -> Int) -> Int32 {
    counters.calls &+= 1
    return Errno.retrying(call)
  }
}
