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

  let socket: StreamSocket

  init(_ socket: StreamSocket) { self.socket = socket }

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
    try Task.checkCancellation()
    let loop = try loop ?? EventLoop.currentOrShared()
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
    beginScope()
    let result = await withTaskCancellationHandler {
      do {
        return Result<Value, any Error>.success(try await body(self))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      cancelScope()
    }
    await endScope()
    return try result.get()
  }

  /// Makes the calling task the owner. Whoever begins a scope has `cancelScope` called when that task is cancelled.
  func beginScope() {
    if socket.loop.isCurrent { socket.owner = CurrentTask.identity }
  }

  func cancelScope() {
    let socket = socket
    socket.loop.perform { socket.cancelOwner() }
  }

  func endScope() async {
    if socket.loop.isCurrent { socket.owner = 0 }
    await close()
  }

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
    guard socket.isOwnedByCaller else { return try await receiveWithCall() }
    while true {
      if socket.isOwnerCancelled { throw CancellationError() }
      guard socket.hasArrived else {
        let result = await EventLoop.suspend { socket.awaitBytes(.owner($0)) }
        if result == 1 { continue }
        if let observer = socket.observer { observer.resumed(.receiveResumed, Int(result)) }
        try check(result, .receive)
        return nil
      }
      if socket.loop.takeImmediateAnswer(), let chunk = socket.takeChunk() {
        if let observer = socket.observer { observer.resumed(.receiveResumed, Int(chunk.count)) }
        return Chunk(chunk, of: socket)
      }
      await socket.loop.letOthersRun()
    }
  }

  private func receiveWithCall() async throws -> Chunk? {
    let call = Call()
    let result = await perform(.receive, as: call)
    if let observer = call.observer { observer.resumed(.receiveResumed, Int(call.chunk?.count ?? result)) }
    if let chunk = call.chunk { return Chunk(chunk, of: socket) }
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
    if socket.loop.isCurrent, socket.hasArrived, !socket.loop.takeImmediateAnswer() { await socket.loop.letOthersRun() }
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
    guard socket.isOwnedByCaller else { return await sendWithCall(address, count) }
    if socket.isOwnerCancelled { return -ECANCELED }
    var (address, count) = (address, count)
    if let taken = socket.sendAtOnce(address, count) {
      if taken < 0 || taken == count { return min(taken, 0) }
      (address, count) = (address + Int(taken), count - Int(taken))
    }
    let result = await EventLoop.suspend { socket.send(.bytes(address, count), .owner($0)) }
    if let observer = socket.observer { observer.resumed(.sendResumed, Int(result)) }
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
  public func option(level: Int32, name: Int32) async throws -> Int32 {
    try await withOrdinary(.option) { number throws(Errno) in try SystemSocket.get(level, name, of: number) }
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
    guard socket.isOwnedByCaller else { return await perform(request, as: Call()) }
    if socket.isOwnerCancelled { return -ECANCELED }
    let end = request.end
    let result = await EventLoop.suspend { socket.begin(request, .owner($0)) }
    if let end, let observer = socket.observer { observer.resumed(end, Int(result)) }
    return result
  }

  /// The same for every other caller: on the loop's thread by a hop, and with a cancellation handler for this call.
  private func perform(_ request: SocketRequest, as call: Call) async -> Int32 {
    let socket = socket
    if Task.isCancelled { return -ECANCELED }
    let result = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let isAccepted = socket.loop.perform {
          call.observer = socket.observer
          socket.begin(request, .call(continuation, call))
        }
        if !isAccepted { continuation.resume(returning: -ESHUTDOWN) }
      }
    } onCancel: {
      call.isCancelled.store(true, ordering: .relaxed)
      socket.loop.perform { socket.cancel(call) }
    }
    call.takeOver()
    if let observer = call.observer, let end = request.end { observer.resumed(end, Int(result)) }
    return result
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
