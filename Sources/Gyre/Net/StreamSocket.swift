import CLiburing
import Glibc
import Synchronization

// @unchecked: as `Socket`, every member is touched on the loop's thread alone; `LoopBound` lets tasks do no other, and
// debug builds assert it.
/// The state of a connection: what is armed, what has arrived, who waits.
///
/// Receiving is a multishot operation that belongs to the connection and not to a call: it is armed by the first
/// `receive`, and the chunks that it brings wait in `arrived` for whoever asks next. A waiting task that is cancelled
/// merely leaves; the operation stays, and with it every byte. Sending and receiving into the caller's memory lend that
/// memory to the kernel, so there a cancelled task waits for the operation's own terminal completion.
final class StreamSocket: Socket, @unchecked Sendable {
  /// The peer, where it is known without asking the kernel.
  let peer: SocketAddress?

  /// The task that owns the connection's scope: cancelling it is noticed once for all its calls.
  @exclusivity(unchecked) var owner: UInt = 0

  /// Whether the calling code is the owner's, on the loop's thread.
  @inline(__always)
  var isOwnedByCaller: Bool { loop.isCurrent && owner == CurrentTask.identity }

  // `@exclusivity(unchecked)`, here and in the loop and the driver: the run-time check that no access overlaps another costs
  // a seventh of the user instructions of a request. Each access is one call on a value (`append`, `popFirst`, an assignment) that
  // calls nothing back, on the one thread that touches the socket, so none can overlap.

  /// Told of the connection's hand-offs; `nil` where nobody looks.
  @exclusivity(unchecked) var observer: ConnectionObserver? {
    didSet {
      loop.observers += (observer == nil ? 0 : 1) - (oldValue == nil ? 0 : 1)
      isObserved.store(observer != nil, ordering: .relaxed)
      oldValue?.ended(on: self)
    }
  }

  // Receiving.
  @exclusivity(unchecked) private var arrived = ChunkQueue()
  /// The bytes in `arrived`: written on the loop's thread, read on any.
  let arrivedBytes = Atomic<Int>(0)
  @exclusivity(unchecked) private var receiver: Waiter?
  /// Where the receiver wants its bytes; lent until it is resumed. `nil` if it takes a chunk.
  @exclusivity(unchecked) private var receiverMemory: UnsafeMutableRawBufferPointer?
  /// Where the kernel receives to while no buffer was free; `nil` at other times.
  private var allocated: UnsafeMutableRawPointer?
  private var receiving = OperationID.none
  // The flags stand together: each alone would take a word of every connection.
  private let ownerIsCancelled = Atomic<Bool>(false)
  /// Whether there is an observer: written on the loop's thread, read on any.
  let isObserved = Atomic<Bool>(false)
  private var receivesStream = false
  /// Whether the last bytes filled their buffer: then there is more where they came from, and the next receive takes several.
  private var fillsBuffers = false
  private var isPausing = false
  /// Whether the peer has ever sent more than the connection's share while the reader was elsewhere.
  private var hasOutrun = false
  private var buffersHeld = 0
  @exclusivity(unchecked) private var streamEnd: StreamEnd?
  /// Why the connection is cut, as -errno: a reset, or a peer that answers no longer.
  ///
  /// The kernel tells of it once, to whichever call asks first. Every call after that sees what looks like a clean end of the
  /// stream, or `EPIPE`. So the first to hear of it keeps it here for the others.
  @exclusivity(unchecked) private var cut: Int32?

  // Receiving into the caller's memory.
  @exclusivity(unchecked) private var direct = OneShot()

  // Sending.
  @exclusivity(unchecked) var sending = OneShot()
  /// What is being sent, with how much of it is left; `nil` while nothing is.
  @exclusivity(unchecked) var payload: Payload?
  @exclusivity(unchecked) var sendQueue: SendQueue?
  /// The ordinary descriptor to send by at once; -1 while there is none.
  @exclusivity(unchecked) var sendNumber: Int32 = -1
  /// Sends that could have gone at once if there had been one.
  @exclusivity(unchecked) var missedSends: UInt8 = 0
  var isInstalledForSending = false

  /// Whether the sender goes on to wait for bytes when the kernel has taken its own.
  @exclusivity(unchecked) var receivesAfterSend = false
  /// The chunk whose bytes are being sent, if its sender has given it away.
  @exclusivity(unchecked) var sentChunk: Chunk?

  // Connecting.
  private var connecting = OneShot()
  private var connectAddress: ConnectAddress?

  init(loop: EventLoop, descriptor: Descriptor, peer: SocketAddress? = nil) {
    self.peer = peer
    if !descriptor.isDirect { sendNumber = descriptor.number }
    super.init(loop: loop, descriptor: descriptor)
  }

  /// Starts what a task asks for and resumes its waiter with the result.
  @inline(__always)
  func begin(_ request: SocketRequest, _ waiter: Waiter) {
    loop.assertIsCurrent()
    loop.jobWatch?.noteCaller()
    switch request {
    case .receive: awaitBytes(waiter)
    case .receiveInto(let memory): receive(into: memory, waiter)
    case .send(let address, let count): send(.bytes(address, count), waiter)
    case .sendVector(let vector): send(.vector(vector), waiter)
    case .shutdown(let how): send(.shutdown(how), waiter)
    case .connect(let address): connect(to: address, waiter)
    case .useOrdinary(let body): useOrdinary(waiter, body)
    }
  }

  // MARK: Completions

  override func completed(_ role: OperationRole, _ completion: Completion) {
    if let observer { tell(observer, role, completion) }
    switch role {
    case .receive: received(completion)
    case .send: sent(completion.result)
    case .receiveInto: allocated == nil ? receivedInto(completion.result) : receivedAllocated(completion.result)
    case .pollReceive: becameReadable(completion.result)
    case .connect: connected(completion.result)
    case .accept, .install, .close: break
    }
  }

  @inline(never)
  private func tell(_ observer: ConnectionObserver, _ role: OperationRole, _ completion: Completion) {
    switch role {
    case .receive, .receiveInto: observer.received(completion, on: self)
    case .send where payload?.count != nil: observer.sent(completion, on: self)
    case .send, .pollReceive, .connect, .accept, .install, .close: break
    }
  }

  override func closed() {
    if isInstalledForSending { loop.installedForSending -= 1 }
    observer?.closed()
    observer = nil
  }

  override func cancelEverything(_ result: Int32) {
    // A task's number can come again after its end.
    if phase != .open { owner = 0 }
    if phase != .open, let observer { observer.closing(self) }
    // What happens on another loop is not this observer's.
    if phase == .leaving { observer = nil }
    receiver.take()?.resume(result)
    loop.driver.cancel(receiving)
    endQueued(result) { _ in true }
    cancel(&direct)
    cancel(&connecting)
    cancel(&sending)
    if phase == .closing { dropArrived() }
  }

  // MARK: Going to another loop

  override var isAwaited: Bool { isReceiving || payload != nil || connecting.waiter != nil }

  /// Whether a task waits for bytes.
  var isReceiving: Bool { receiver != nil || direct.waiter != nil }

  override func depart(with number: Int32) -> DepartingSocket {
    var departing = DepartingSocket(number: number, peer: peer, end: streamEnd, cut: cut)
    departing.receivesStream = receivesStream
    departing.bytes = arrived.map { Array(UnsafeRawBufferPointer(start: $0.start, count: Int($0.count))) }
    dropArrived()
    return departing
  }

  /// Takes over what a connection had received on another loop. On this loop's thread, before anybody has the socket.
  func restore(_ departing: DepartingSocket) {
    streamEnd = departing.end
    cut = departing.cut
    receivesStream = departing.receivesStream
    let buffers = loop.driver.buffers
    for bytes in departing.bytes {
      for start in stride(from: 0, to: bytes.count, by: buffers.size) {
        let count = min(buffers.size, bytes.count - start)
        let memory = buffers.allocate()
        bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress! + start, byteCount: count) }
        take(PendingChunk(memory: memory, buffer: nil, count: Int32(count)))
      }
    }
  }

  // MARK: Receiving a stream

  @inline(__always)
  var hasArrived: Bool { !arrived.isEmpty }

  /// The next bytes that have arrived.
  @inline(__always)
  func takeChunk() -> PendingChunk? {
    loop.assertIsCurrent()
    guard let chunk = arrived.popFirst() else { return nil }
    countArrived(-chunk.count)
    return chunk
  }

  @inline(__always)
  private func countArrived(_ change: Int32) {
    // No other thread writes it, so this needs no atomic addition.
    arrivedBytes.store(arrivedBytes.load(ordering: .relaxed) + Int(change), ordering: .relaxed)
  }

  /// What `receive` has to say once nothing is left: 0 at the end of the stream, or -errno.
  @inline(__always)
  var endResult: Int32? {
    switch streamEnd {
    case nil: nil
    case .ended: 0
    case .failed(let error): error
    }
  }

  /// Resumes `waiter` with 1 when bytes have arrived, with 0 at the end of the stream, or with -errno.
  @inline(__always)
  func awaitBytes(_ waiter: Waiter) {
    loop.jobWatch?.noteCaller()
    waitForBytes(waiter)
  }

  @inline(__always)
  func waitForBytes(_ waiter: Waiter) {
    loop.assertIsCurrent()
    if let result = immediateReceiveResult(waiter) { return answer(waiter, result, into: nil) }
    receiver = waiter
    receiverMemory = nil
    receivesStream = true
    armReceive()
  }

  @inline(__always)
  private func immediateReceiveResult(_ waiter: Waiter) -> Int32? {
    if let refusal { return refusal }
    if waiter.isCancelled { return -ECANCELED }
    if isReceiving { return -EBUSY }
    return arrived.isEmpty ? endResult : 1
  }

  /// Buffers that this connection may hold before its receiving pauses.
  @inline(__always)
  private var bufferShare: Int { loop.buffers.isScarce ? 1 : loop.configuration.buffersPerConnection }

  @inline(__always)
  private func armReceive() {
    guard receiving == .none, streamEnd == nil, phase == .open, !loop.isStopping else { return }
    if buffersHeld < bufferShare {
      isPausing = false
      if let observer { observer.receiveArmed() }
      let bundles = fillsBuffers && !loop.buffers.isScarce
      receiving = start(.receive(descriptor, bundles: bundles, bounded: hasOutrun))
      return
    }
    hasOutrun = true
    // It holds its share in chunks and waits for more all the same.
    if receiver != nil { awaitReadable() }
  }

  private func received(_ completion: Completion) {
    if !completion.hasMore { receiving = .none }
    // What this completion brings does not count: its reader may be about to take it.
    let held = buffersHeld
    if let buffer = completion.buffer {
      take(buffer, count: completion.result)
    } else {
      noteEnd(completion.result)
    }
    // First: a receiver that has been answered needs no receive of its own when the connection holds its share.
    answerReceiver()
    if completion.hasMore {
      pauseIfShareIsUsed(before: held)
    } else if completion.result == -ENOBUFS {
      foundNoBuffer()
    } else {
      armReceive()
    }
  }

  private func foundNoBuffer() {
    // If this connection has emptied the ring itself, a larger one would be no better.
    if buffersHeld < bufferShare { loop.buffers.noteShortage() } else { hasOutrun = true }
    if loop.buffers.hasFree {
      // The reserve had some.
      armReceive()
    } else if receiver != nil {
      awaitReadable()
    }
  }

  @inline(__always)
  private func take(_ first: UInt16, count: Int32) {
    fillsBuffers = count >= loop.buffers.size
    var (buffer, left) = (first, Int(count))
    while true {
      // Asked for before the chunk can be given back.
      let piece = loop.buffers.piece(of: left, in: buffer)
      let memory = loop.buffers.address(of: buffer)
      take(PendingChunk(memory: memory, buffer: buffer, count: Int32(truncatingIfNeeded: piece.count)))
      guard let next = piece.next else { return }
      (buffer, left) = (next, left - piece.count)
    }
  }

  @inline(__always)
  private func take(_ chunk: PendingChunk) {
    buffersHeld += 1
    guard chunk.count > 0 && (phase == .open || phase == .leaving) else { return release(chunk) }
    arrived.append(chunk)
    countArrived(chunk.count)
  }

  /// Resumes the receiver if there is something to tell it.
  @inline(__always)
  private func answerReceiver() {
    guard let waiter = receiver, !arrived.isEmpty || streamEnd != nil else { return }
    receiver = nil
    answer(waiter, arrived.isEmpty ? endResult! : 1, into: receiverMemory)
  }

  /// Records why the operation ended, if that ends the stream too.
  private func noteEnd(_ result: Int32) {
    switch -result {
    case 0: streamEnd = cut.map { .failed($0) } ?? .ended
    case ENOBUFS, ECANCELED, EINTR, EAGAIN: break
    default:
      noteCut(result)
      streamEnd = .failed(result)
    }
  }

  /// Keeps what the kernel says of a cut to somebody who was not asking for bytes.
  ///
  /// - Returns: what to tell the caller: the cut itself where the kernel only says that nothing can be sent any more.
  @discardableResult
  func noteCut(_ result: Int32) -> Int32 {
    switch -result {
    case EPIPE: return cut ?? result
    case ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ECONNABORTED:
      if cut == nil { cut = result }
      return result
    default: return result
    }
  }

  /// A peer that outruns the reader fills its own share of the buffers and no more; what the kernel had under way is let in.
  @inline(__always)
  private func pauseIfShareIsUsed(before held: Int) {
    guard !isPausing, held >= bufferShare else { return }
    isPausing = true
    hasOutrun = true
    loop.driver.cancel(receiving)
  }

  /// Resumes a receiver. One that has a call of its own gets the chunk with it: it may be on another thread.
  @inline(__always)
  private func answer(_ waiter: Waiter, _ result: Int32, into memory: UnsafeMutableRawBufferPointer?) {
    guard result == 1 else { return waiter.resume(result) }
    if let memory { return waiter.resume(copyArrived(into: memory)) }
    if let call = waiter.call { call.chunk = takeChunk() }
    waiter.resume(1)
  }

  // MARK: Receiving without a free buffer

  // Others hold all buffers, perhaps for long: a task that waits here must not wait for them. So it waits until bytes are
  // there, which takes no memory, and then receives once into memory allocated for it. Whoever does not wait gets none:
  // its bytes stay in the kernel.

  private func awaitReadable() { receiving = start(.pollReceive(descriptor)) }

  private func becameReadable(_ result: Int32) {
    receiving = .none
    guard receiver != nil, phase == .open, !loop.isStopping else { return }
    let memory = loop.buffers.allocate()
    allocated = memory
    // Freed at the terminal completion, or by the chunk that it becomes.
    if let observer { observer.receiveArmed() }
    receiving = start(.receiveInto(descriptor, memory, loop.buffers.size))
  }

  private func receivedAllocated(_ result: Int32) {
    receiving = .none
    let memory = allocated.take()!
    if result > 0 {
      take(PendingChunk(memory: memory, buffer: nil, count: result))
    } else {
      loop.buffers.deallocate(memory)
      noteEnd(result)
      if receiver != nil { armReceive() }
    }
    answerReceiver()
  }

  // MARK: Buffers

  /// Takes a chunk's memory back, from any thread.
  @inline(__always)
  func giveBack(_ chunk: PendingChunk) {
    if loop.isCurrent { release(chunk) } else { giveBackRemotely(chunk) }
  }

  private func giveBackRemotely(_ chunk: PendingChunk) {
    // A pool's buffer goes with the pool once the loop has ended.
    let isTaken = loop.perform { self.release(chunk) }
    if !isTaken && chunk.buffer == nil { chunk.memory.deallocate() }
  }

  @inline(__always)
  private func release(_ chunk: PendingChunk) {
    loop.assertIsCurrent()
    if let buffer = chunk.buffer {
      loop.buffers.giveBack(buffer)
    } else {
      loop.buffers.deallocate(chunk.memory)
    }
    buffersHeld -= 1
    if receiving == .none && receivesStream && buffersHeld <= bufferShare / 2 { armReceive() }
  }

  private func dropArrived() {
    while let chunk = takeChunk() { release(chunk) }
  }

  // MARK: Receiving into the caller's memory

  /// Resumes `waiter` with the number of bytes received into `memory`, which is lent until then.
  ///
  /// A connection that has received chunks goes on doing so: its bytes are copied from them. Otherwise the kernel writes
  /// into `memory` itself.
  func receive(into memory: UnsafeMutableRawBufferPointer, _ waiter: Waiter) {
    if let result = immediateReceiveResult(waiter) {
      return waiter.resume(result == 1 ? copyArrived(into: memory) : result)
    }
    if receivesStream {
      receiver = waiter
      receiverMemory = memory
      armReceive()
    } else {
      direct = OneShot(waiter: waiter)
      receiverMemory = memory
      startDirectReceive()
    }
  }

  private func startDirectReceive() {
    // The receiver's memory, lent until it is resumed.
    let memory = receiverMemory!
    if let observer { observer.receiveArmed() }
    direct.id = start(.receiveInto(descriptor, memory.baseAddress!, min(memory.count, 1 << 30)))
  }

  /// Copies what has arrived; a chunk of which something is left stays the first.
  private func copyArrived(into memory: UnsafeMutableRawBufferPointer) -> Int32 {
    var copied = 0
    while copied < memory.count, var chunk = arrived.popFirst() {
      let count = min(memory.count - copied, Int(chunk.count))
      memory.baseAddress!.advanced(by: copied).copyMemory(from: chunk.start, byteCount: count)
      copied += count
      chunk.offset += Int32(count)
      chunk.count -= Int32(count)
      if chunk.count > 0 { arrived.prepend(chunk) } else { release(chunk) }
    }
    countArrived(-Int32(copied))
    return Int32(copied)
  }

  private func receivedInto(_ result: Int32) {
    guard let outcome = outcome(result, of: direct) else { return startDirectReceive() }
    if outcome <= 0 && phase == .open { noteEnd(outcome) }
    direct.waiter.take()?.resume(outcome == 0 ? endResult ?? 0 : outcome)
  }

  // MARK: Connecting

  func connect(to address: SocketAddress, _ waiter: Waiter) {
    if let refusal { return waiter.resume(refusal) }
    if waiter.isCancelled { return waiter.resume(-ECANCELED) }
    connectAddress = ConnectAddress(address)
    connecting = OneShot(waiter: waiter)
    startConnect()
  }

  private func startConnect() {
    // Freed with the object, which stays until the terminal completion.
    connecting.id = start(.connect(descriptor, connectAddress!.pointer, connectAddress!.length))
  }

  private func connected(_ result: Int32) {
    guard let outcome = outcome(result, of: connecting) else { return startConnect() }
    connectAddress = nil
    connecting.waiter.take()?.resume(outcome)
  }

  // MARK: Cancelling

  /// Cancels what `call` waits for. On the loop's thread.
  func cancel(_ call: Call) {
    if let request = sendQueue?.remove(call) { return request.waiter.resume(-ECANCELED) }
    cancelWaiting { $0.call === call }
  }

  /// Whether the owner of the scope is to start nothing more.
  @inline(__always)
  var isOwnerCancelled: Bool { ownerIsCancelled.load(ordering: .relaxed) }

  /// Lets the owner of the scope start nothing more, at once and from any thread: it may be running meanwhile.
  func noteOwnerCancelled() { ownerIsCancelled.store(true, ordering: .relaxed) }

  /// Cancels what the owner of the scope waits for. On the loop's thread.
  func cancelOwner() {
    cancelWaiting { $0.call == nil }
    endQueued(-ECANCELED) { $0.call == nil }
  }

  private func endQueued(_ result: Int32, where isMeant: (Waiter) -> Bool) {
    guard let sendQueue else { return }
    for request in sendQueue.removeAll(where: isMeant) { request.waiter.resume(result) }
  }

  private func cancelWaiting(_ isMeant: (Waiter) -> Bool) {
    if let waiter = receiver, isMeant(waiter) {
      receiver = nil
      waiter.resume(-ECANCELED)
    }
    if let waiter = direct.waiter, isMeant(waiter) { cancel(&direct) }
    if let waiter = connecting.waiter, isMeant(waiter) { cancel(&connecting) }
    if let waiter = sending.waiter, isMeant(waiter) { cancel(&sending) }
  }

  /// Requests the end of a one-shot operation. Its waiter is resumed at the terminal completion, not before: until then
  /// the kernel has its memory.
  private func cancel(_ operation: inout OneShot) {
    guard operation.waiter != nil else { return }
    operation.isCancelled = true
    loop.driver.cancel(operation.id)
  }

  /// What to tell the waiter of a one-shot operation; `nil` if it was merely interrupted and has to be started again.
  func outcome(_ result: Int32, of operation: OneShot) -> Int32? {
    switch result {
    case -EINTR, -EAGAIN, -ECANCELED:
      if phase != .open { return -EBADF }
      if operation.isCancelled || loop.isStopping || result == -ECANCELED { return -ECANCELED }
      return nil
    default: return result
    }
  }
}
