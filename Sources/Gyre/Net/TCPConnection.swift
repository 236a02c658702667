import CLiburing
import Glibc
import Logging

/// A TCP connection. `tcp(7)`
///
/// One task may receive while others send. Each operation suspends the calling task and never blocks its thread; called
/// on the connection's loop it costs no lock and no allocation, from anywhere else one hop to the loop and back.
///
/// A connection that goes out of scope unclosed is closed then; `withConnection` and `TCPListener.serve` close what they
/// opened when their scope ends.
public final class TCPConnection: Sendable {
  /// The loop that does the connection's I/O.
  public var loop: EventLoop { socket.loop }

  let socket: LoopBound<StreamSocket>

  init(_ socket: StreamSocket) { self.socket = LoopBound(socket) }

  deinit { socket.abandon() }

  // MARK: Connecting

  /// Connects to `address`.
  ///
  /// - Parameters:
  ///   - loop: the loop for the connection's I/O. Default: the caller's, or the shared one.
  /// - Throws: `CancellationError` if the task was cancelled first; `SocketError` with the errno (`ECONNREFUSED`,
  ///   `ETIMEDOUT`, `EMFILE`) otherwise. `connect(2)`, `io_uring_prep_connect(3)`
  public static func connect(
    to address: SocketAddress,
    options: TCPOptions = TCPOptions(),
    on loop: EventLoop? = nil
  ) async throws -> TCPConnection {
    try options.validate()
    let loop = try loop ?? EventLoop.currentOrShared()
    for _ in 0..<mostAttempts {
      try Task.checkCancellation()
      let connection = try await connectOnce(to: address, options, on: loop)
      if !connection.isConnectedToItself { return connection }
      // Not an ordinary close, which would keep the port for a minute.
      await connection.reset()
    }
    throw SocketError(.connectionRefused, .connect, address)
  }

  /// Connections that may turn out to be connected to themselves before nobody is said to listen.
  private static let mostAttempts = 3

  private static func connectOnce(
    to address: SocketAddress,
    _ options: TCPOptions,
    on loop: EventLoop
  ) async throws -> TCPConnection {
    let number = try SystemSocket.make(for: address, flags: loop.driver.socketFlags)
    let connection = TCPConnection(StreamSocket(loop: loop, descriptor: .ordinary(number), peer: address))
    do {
      try SystemSocket.set(options, on: number)
    } catch {
      throw SocketError(error, .option, address)
    }
    let result = await connection.perform(.connect(address))
    // Not closed in the background: whoever counts descriptors after a failure should find them as before.
    if result < 0 { await connection.close() }
    try connection.check(result, .connect)
    return connection
  }

  /// Whether both ends are this one. Where nobody listens on a port that the kernel gives to those who connect, it gives
  /// that port to the one who connects there now and then: TCP's simultaneous open, with itself. RFC 9293, 3.5
  var isConnectedToItself: Bool {
    let answer = try? socket.ordinary.use { number throws(Errno) in
      let own = try SystemSocket.localAddress(of: number)
      if let peer = socket.peer, peer.port != own.port { return false }
      return own == (try SystemSocket.remoteAddress(of: number))
    }
    return answer ?? false
  }

  /// Connects to `address`, runs `body`, and closes the connection when `body` ends.
  ///
  /// - Throws: as `connect(to:options:on:)`, and what `body` throws.
  public static func withConnection<Value>(
    to address: SocketAddress,
    options: TCPOptions = TCPOptions(),
    on loop: EventLoop? = nil,
    _ body: (TCPConnection) async throws -> Value
  ) async throws -> Value {
    try await connect(to: address, options: options, on: loop).withScope(body)
  }

  /// Runs `body` and closes the connection when it ends. The calling task owns the connection meanwhile: one cancellation
  /// handler for the whole scope, instead of one for each operation.
  func withScope<Value>(_ body: (TCPConnection) async throws -> Value) async throws -> Value {
    takeOwnership()
    let result = await withTaskCancellationHandler {
      do {
        return Result<Value, any Error>.success(try await body(self))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      cancelScope()
    }
    await close()
    return try result.get()
  }

  /// What `withScope` does before its body, for `TCPListener.serve`, whose handlers' frames have to fit into one slab of the
  /// runtime's: a third of them would be those of `withTaskCancellationHandler`.
  ///
  /// The handler on the task lies in the task's stack of frames. So `endScope` is called from the same function, which
  /// has no variable of a type that is not known, and is no async call. Then the connection has to be closed.
  ///
  /// - Returns: the handler; `nil` if the task is cancelled already, which has been noted then.
  func beginScope() -> UnsafeMutableRawPointer? {
    takeOwnership()
    // The caller holds the connection until `endScope` has taken the handler off.
    return gyre_add_cancellation_handler(
      { Unmanaged<TCPConnection>.fromOpaque($0!)._withUnsafeGuaranteedRef { $0.cancelScope() } },
      Unmanaged.passUnretained(self).toOpaque()
    )
  }

  func endScope(_ scope: UnsafeMutableRawPointer?) {
    if let scope { gyre_remove_cancellation_handler(scope) }
  }

  /// Makes the calling task the owner. Closing the connection takes that away.
  private func takeOwnership() { _ = socket.ifCurrent { $0.owner = CurrentTask.identity } }

  private func cancelScope() { socket.cancelOwner() }

  // MARK: Receiving

  /// Receives the next bytes, suspending until the kernel has some.
  ///
  /// The chunk borrows one of the loop's buffers and gives it back when it goes out of scope.
  /// Returns `nil` at the end of the stream, and again each time it is called after that.
  ///
  /// One task may wait at a time. The kernel goes on receiving between calls, up to the connection's share of the buffers
  /// (`EventLoop.Configuration.buffersPerConnection`); beyond that the peer is slowed down by its window.
  /// - Throws: `CancellationError` if the task was cancelled first (bytes that had already arrived stay for the next call);
  ///   `SocketError` with the errno (`ECONNRESET`, `ETIMEDOUT`) otherwise. `recv(2)`, `io_uring_prep_recv_multishot(3)`
  public func receive() async throws -> Chunk? {
    while true {
      switch nextArrival() {
      case .chunk(let chunk): return chunk
      case .cancelled: throw CancellationError()
      case .elsewhere: return try await receiveWithCall()
      case .turnIsOver: await socket.loop.letOthersRun()
      case .nothing:
        guard let result = await socket.suspend({ $0.awaitBytes(.owner($1)) }), result != 1 else { continue }
        tellObserver(.receiveResumed, result)
        try check(result, .receive)
        return nil
      }
    }
  }

  /// What a task finds that wants bytes.
  private enum Arrival: ~Copyable {
    case chunk(Chunk)
    case nothing
    /// There are bytes, but the loop has given out enough for this turn.
    case turnIsOver
    case cancelled
    /// The task is not on the loop's thread, or does not own the scope.
    case elsewhere
  }

  @inline(__always)
  private func nextArrival() -> Arrival {
    let arrival = socket.ifOwned { socket -> Arrival in
      if socket.isOwnerCancelled { return .cancelled }
      if !socket.hasArrived { return .nothing }
      guard socket.loop.takeImmediateAnswer(), let chunk = socket.takeChunk() else { return .turnIsOver }
      if let observer = socket.observer { observer.resumed(.receiveResumed, Int(chunk.count)) }
      return .chunk(Chunk(chunk, of: socket))
    }
    guard let arrival else { return .elsewhere }
    return arrival
  }

  private func receiveWithCall() async throws -> Chunk? {
    let call = Call()
    let result = await perform(.receive, as: call)
    if let observer = call.observer { observer.resumed(.receiveResumed, Int(call.chunk?.count ?? result)) }
    if let chunk = call.chunk { return socket.chunk(chunk) }
    try check(result, .receive)
    return nil
  }

  /// Receives into the caller's memory, suspending until the kernel has some bytes.
  ///
  /// The memory is lent to the kernel until the call returns, which under cancellation is when the kernel has let go of it.
  /// - Returns: the number of bytes received, or 0 at the end of the stream. An empty `buffer` returns 0 at once.
  /// - Throws: `CancellationError` if the task was cancelled before any byte came; `SocketError` with the errno
  ///   (`ECONNRESET`, `ETIMEDOUT`) otherwise. `recv(2)`
  public func receive(into buffer: inout MutableRawSpan) async throws -> Int {
    // The span is borrowed exclusively until this function returns, which is after the kernel's last use.
    let memory = buffer.withUnsafeMutableBytes { $0 }
    if memory.isEmpty { return 0 }
    // What has arrived is copied without suspending; small pieces of it must not keep the loop.
    if socket.ifCurrent({ $0.hasArrived && !$0.loop.takeImmediateAnswer() }) == true {
      await socket.loop.letOthersRun()
    }
    let result = await perform(.receiveInto(memory))
    try check(result, .receive)
    return Int(result)
  }

  // MARK: Sending

  /// Sends all of `bytes`, suspending until the kernel has taken every one into its send buffer.
  ///
  /// Sends of several tasks go out one after the other, each as a whole. Sending nothing returns at once. A peer that does
  /// not read slows the sender down: `send` suspends while the kernel's send buffer is full.
  /// - Throws: `CancellationError` if the task was cancelled before the last byte was taken: the kernel may have taken some
  ///   of them, so the stream can only be closed; `SocketError` with the errno (`EPIPE`, `ECONNRESET`) otherwise. No
  ///   `SIGPIPE` is raised. `send(2)`, `io_uring_prep_send(3)`
  public func send(_ bytes: RawSpan) async throws {
    // The span is borrowed until this function returns, which is after the kernel's last use.
    let memory = bytes.withUnsafeBytes { $0 }
    guard let base = memory.baseAddress, memory.count > 0 else { return }
    try check(await send(base, memory.count), .send)
  }

  /// Sends a chunk's bytes as they are, without a copy. As `send(_:)` of a span.
  public func send(_ chunk: borrowing Chunk) async throws {
    // The chunk is borrowed until this function returns, and holds its buffer.
    try check(await send(chunk.start, chunk.count), .send)
  }

  @inline(__always)
  private func send(_ address: UnsafeRawPointer, _ count: Int) async -> Int32 {
    let taken = socket.ifOwned { $0.isOwnerCancelled ? -ECANCELED : $0.sendAtOnce(address, count) ?? 0 }
    guard let taken else { return await sendWithCall(address, count) }
    if taken < 0 || taken == count { return min(taken, 0) }
    let (rest, left) = (address + Int(taken), count - Int(taken))
    guard let result = await socket.suspend({ $0.send(.bytes(rest, left), .owner($1)) }) else {
      return await sendWithCall(rest, left)
    }
    tellObserver(.sendResumed, result)
    return result
  }

  // Not inlined, as its request would be in the frame of every `send`.
  @inline(never)
  private func sendWithCall(_ address: UnsafeRawPointer, _ count: Int) async -> Int32 {
    await perform(.send(address, count), as: Call())
  }

  /// Sends an array's bytes. As `send(_:)` of a span.
  public func send(_ bytes: [UInt8]) async throws { try await send(bytes.span.bytes) }

  /// Sends text as UTF-8. As `send(_:)` of a span.
  public func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  /// Sends several parts as one stretch of the stream, in order, without joining them in memory. As `send(_:)` of a span.
  ///
  /// `sendmsg(2)`, `io_uring_prep_sendmsg(3)`
  public func send(parts: [[UInt8]]) async throws {
    let vector = SendVector(parts)
    if vector.isEmpty { return }
    try check(await perform(.sendVector(vector)), .send)
  }

  /// Ends one direction or both, after what is being sent has gone out. The connection still has to be closed.
  ///
  /// - Throws: `SocketError` with the errno (`ENOTCONN` if the peer has gone). `shutdown(2)`
  public func shutdown(_ direction: ShutdownDirection) async throws {
    try check(await perform(.shutdown(direction.number)), .shutdown)
  }

  // MARK: Closing

  /// Closes the connection: cancels what is in flight, waits for the kernel to let go of it, then closes the descriptor.
  ///
  /// Tasks that wait in other operations get `SocketError` with `EBADF`. What `send` has handed to the kernel is still
  /// delivered, unless bytes that were never received make the kernel reset the connection. Closing twice is fine. Not
  /// cancellable: it waits only for what it has just cancelled. `close(2)`
  public func close() async { await socket.close() }

  /// Closes the connection as `close()` does, but has the peer see a reset: its calls fail with `ECONNRESET`.
  ///
  /// For telling a peer that the stream is cut and must not be taken for whole, as a proxy does when the other side was
  /// reset. Bytes that the peer has not acknowledged are thrown away, and so are those that it has not read. The port is
  /// free at once. Closing twice is fine; a connection that is closed already is not reset any more. Not cancellable. A loop of io_uring closes the
  /// connections that it had accepted when it ends: then this comes too late.
  /// `connect(2)` with `AF_UNSPEC`
  public func reset() async { await socket.close(resetting: true) }

  // MARK: Options and addresses

  /// The connection's own address. `getsockname(2)`
  public var localAddress: SocketAddress {
    get async throws {
      try await withOrdinary(.address) { number throws(Errno) in try SystemSocket.localAddress(of: number) }
    }
  }

  /// The peer's address. `getpeername(2)`
  public var remoteAddress: SocketAddress {
    get async throws {
      if let peer = socket.peer { return peer }
      return try await withOrdinary(.address) { number throws(Errno) in try SystemSocket.remoteAddress(of: number) }
    }
  }

  /// Sets an option whose value is a number. `setsockopt(2)`
  ///
  /// - Parameters:
  ///   - level: for example `SOL_SOCKET` or `IPPROTO_TCP`.
  ///   - name: for example `SO_KEEPALIVE` or `TCP_NODELAY`.
  public func setOption(level: Int32, name: Int32, to value: Int32) async throws {
    try await withOrdinary(.option) { number throws(Errno) in try SystemSocket.set(level, name, value, on: number) }
  }

  /// An option whose value is a number. `getsockopt(2)`
  ///
  /// Asking for `SO_ERROR` takes the error from the kernel; receiving and sending still tell of it.
  public func option(level: Int32, name: Int32) async throws -> Int32 {
    let value = try await withOrdinary(.option) { number throws(Errno) in try SystemSocket.get(level, name, of: number)
    }
    if level == SOL_SOCKET && name == SO_ERROR && value > 0 { socket.perform { $0.noteCut(-value) } }
    return value
  }

  /// Calls `body` with the connection's ordinary descriptor, which a direct one gets installed beside it at first use.
  func withOrdinary<Value: Sendable>(
    _ operation: SocketError.Operation,
    _ body: @escaping @Sendable (Int32) throws(Errno) -> Value
  ) async throws -> Value {
    let outcome = Outcome<Value>()
    let result = await perform(
      .useOrdinary { number in outcome.set(Result<Value, any Error> { try body(number) }) }
    )
    try check(result, operation)
    do {
      return try outcome.get()
    } catch let error as Errno {
      throw SocketError(error, operation, socket.peer)
    }
  }

  // MARK: Performing

  /// Has the loop do what `request` asks for: without any detour if the caller owns the connection's scope on its loop.
  @inline(__always)
  private func perform(_ request: SocketRequest) async -> Int32 {
    let isCancelled = socket.ifOwned { $0.isOwnerCancelled }
    if isCancelled == true { return -ECANCELED }
    guard isCancelled != nil, let result = await socket.suspend({ $0.begin(request, .owner($1)) }) else {
      return await perform(request, as: Call())
    }
    if let end = request.end { tellObserver(end, result) }
    return result
  }

  /// The same for every other caller: on the loop's thread by a hop, and with a cancellation handler for this call.
  private func perform(_ request: SocketRequest, as call: Call) async -> Int32 {
    if Task.isCancelled { return -ECANCELED }
    let result = await socket.call(call) { socket, waiter in
      call.observer = socket.observer
      socket.begin(request, waiter)
    } cancel: {
      $0.cancel(call)
    }
    if let observer = call.observer, let end = request.end { observer.resumed(end, Int(result)) }
    return result
  }

  /// Tells whoever observes the connection that the calling task, which may be on any thread, has its result.
  @inline(__always)
  func tellObserver(_ handoff: Handoff, _ result: Int32) {
    let isTold: Void? = socket.ifCurrent { if let observer = $0.observer { observer.resumed(handoff, Int(result)) } }
    if isTold == nil { tellObserverFromElsewhere(handoff, result) }
  }

  @inline(never)
  private func tellObserverFromElsewhere(_ handoff: Handoff, _ result: Int32) {
    guard socket.isObserved else { return }
    socket.perform { $0.observer?.resumed(handoff, Int(result)) }
  }

  @inline(__always)
  func check(_ result: Int32, _ operation: SocketError.Operation) throws {
    if result < 0 { throw error(result, operation) }
  }

  @inline(never)
  func error(_ result: Int32, _ operation: SocketError.Operation) -> any Error {
    if result == -ECANCELED { return CancellationError() }
    return SocketError(Errno(rawValue: -result), operation, socket.peer)
  }
}
