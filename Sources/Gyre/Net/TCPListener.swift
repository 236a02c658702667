import CLiburing
import Glibc
import Logging

/// A socket that accepts TCP connections. `tcp(7)`, `listen(2)`
///
/// The kernel completes handshakes and queues connections up to the backlog from the moment that the listener is made;
/// accepting them begins with the first `accept`.
public final class TCPListener: Sendable {
  /// The address that the listener is bound to, with the port that the kernel chose for port 0.
  public let address: SocketAddress
  /// The loop that accepts, and does the I/O of the accepted connections.
  public var loop: EventLoop { socket.loop }

  let socket: LoopBound<ListenSocket>
  static let log = Logger(label: "gyre.listener")

  private init(_ socket: ListenSocket, address: SocketAddress) {
    self.socket = LoopBound(socket)
    self.address = address
  }

  deinit { socket.abandon() }

  /// Makes a socket that listens on `address`; port 0 lets the kernel choose a free port.
  ///
  /// - Parameters:
  ///   - loop: the loop for its I/O. Default: the caller's, or the shared one.
  /// - Throws: `ConfigurationError` for an option out of its range; `SocketError` with the errno (`EADDRINUSE`,
  ///   `EACCES` for a port below 1024, `EADDRNOTAVAIL`). `socket(2)`, `bind(2)`, `listen(2)`
  public static func bind(
    to address: SocketAddress,
    options: Options = Options(),
    on loop: EventLoop? = nil
  ) throws -> TCPListener {
    let loop = try loop ?? EventLoop.currentOrShared()
    return try adopt(try listen(on: address, options), on: loop)
  }

  /// Makes a listening socket that belongs to no loop yet.
  static func listen(on address: SocketAddress, _ options: Options) throws -> Int32 {
    try options.validate()
    let number = try SystemSocket.make(for: address, flags: 0)
    do {
      try setUp(number, address, options)
    } catch {
      Glibc.close(number)
      throw error
    }
    return number
  }

  /// Makes a listener of a listening socket, which is its own from here on; if this throws, the socket is closed.
  ///
  /// - Parameter isShared: whether other listeners, here or in other processes, accept from the same socket.
  static func adopt(_ number: Int32, on loop: EventLoop, isShared: Bool = false) throws -> TCPListener {
    do {
      let address = try SystemSocket.localAddress(of: number)
      SystemSocket.setFlags(loop.driver.socketFlags, on: number)
      let socket = ListenSocket(loop: loop, descriptor: .ordinary(number), isShared: isShared)
      return TCPListener(socket, address: address)
    } catch {
      Glibc.close(number)
      throw SocketError(error, .address)
    }
  }

  private static func setUp(_ number: Int32, _ address: SocketAddress, _ options: Options) throws(SocketError) {
    do {
      try SystemSocket.set(options.connection, on: number)
      if options.reuseAddress { try SystemSocket.set(SOL_SOCKET, SO_REUSEADDR, 1, on: number) }
      if let time = options.deferAccept {
        try SystemSocket.set(Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, Int32(time.components.seconds), on: number)
      }
      if options.reusePort { try SystemSocket.set(SOL_SOCKET, SO_REUSEPORT, 1, on: number) }
    } catch {
      throw SocketError(error, .option, address)
    }
    do {
      try SystemSocket.bind(number, to: address)
    } catch {
      throw SocketError(error, .bind, address)
    }
    if Glibc.listen(number, Int32(options.backlog)) != 0 { throw SocketError(.current, .listen, address) }
  }

  /// Accepts the next connection, suspending until there is one.
  ///
  /// Connections that the kernel has already completed are accepted in batches; they wait here, at most some hundreds, for
  /// the next calls. When the process is out of descriptors or memory (`EMFILE`, `ENFILE`, `ENOMEM`), connections stay in
  /// the kernel's queue and accepting is tried again after 5 ms, then at twice the interval each time up to one second. A
  /// warning of `gyre.listener` says so, once until there was no such failure for ten seconds.
  /// - Throws: `CancellationError` if the task was cancelled first (connections already accepted stay for the next call);
  ///   `SocketError` with `EBADF` once the listener is closed. `accept4(2)`, `io_uring_prep_multishot_accept(3)`
  public func accept() async throws -> TCPConnection {
    try Task.checkCancellation()
    if let connection = acceptAtOnce() { return connection }
    let call = Call()
    let result = await socket.call(call) {
      $0.accept($1)
    } cancel: {
      $0.cancel(call)
    }
    if let connection = call.accepted {
      if let observer = call.observer { observer.resumed(.acceptResumed, 0) }
      return TCPConnection(connection)
    }
    if result == -ECANCELED { throw CancellationError() }
    throw SocketError(Errno(rawValue: -result), .accept, address)
  }

  /// A connection that is there already, for a caller on the loop's thread.
  private func acceptAtOnce() -> TCPConnection? {
    let connection = socket.ifCurrent { socket -> TCPConnection? in
      guard socket.refusal == nil, socket.loop.takeImmediateAnswer(), let accepted = socket.takeAccepted() else {
        return nil
      }
      if let observer = accepted.observer { observer.resumed(.acceptResumed, 0) }
      return TCPConnection(accepted)
    }
    return connection ?? nil
  }

  /// Accepts connections and runs `handler` for each as a task on the listener's loop, until the listener is closed or the
  /// task is cancelled. Each connection is closed when its handler ends. A handler's task has the caller's priority and
  /// task-local values. What a connection costs does not grow with the number of others.
  ///
  /// An error that a handler throws ends that connection alone; it goes to `onError`. When `serve` returns or throws, all
  /// handlers have ended: closing the listener lets them finish, cancelling the task cancels them.
  ///
  /// - Parameters:
  ///   - onError: told of what a handler threw, cancellation aside. Default: a log message at debug level.
  /// - Throws: `CancellationError` if the task was cancelled or the loop stopped; `SocketError` if the listener failed.
  public func serve(
    onError: (@Sendable (any Error) -> Void)? = nil,
    _ handler: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws {
    // Alone in its program, a loop gets all tasks anyway; the preference would cost a look-up at each suspension.
    let executor = loop.isWholeProgram ? nil : loop.taskExecutor
    try await HandlerTasks.withScope { tasks in
      let service = Service(tasks: tasks, handler: handler, onError: onError)
      while let connection = try await acceptUnlessClosed() {
        let place = tasks.reserve()
        let task = Task(executorPreference: executor) {
          // What `TCPConnection.withScope` does, flatly: the frames of an idle handler are most of its memory.
          let scope = connection.beginScope()
          var failure: (any Error)?
          do { try await service.handler(connection) } catch { failure = error }
          connection.endScope(scope)
          await connection.close()
          if let failure { TCPListener.report(failure, to: service.onError) }
          service.tasks.leave(place)
        }
        tasks.keep(task, at: place)
      }
    }
  }

  /// What all handlers' tasks have in common: one reference in each instead of five words.
  private final class Service: Sendable {
    let tasks: HandlerTasks
    let handler: @Sendable (TCPConnection) async throws -> Void
    let onError: (@Sendable (any Error) -> Void)?

    init(
      tasks: HandlerTasks,
      handler: @escaping @Sendable (TCPConnection) async throws -> Void,
      onError: (@Sendable (any Error) -> Void)?
    ) {
      self.tasks = tasks
      self.handler = handler
      self.onError = onError
    }
  }

  // Not inlined, or its variables would be in the frame of every handler's task.
  @inline(never)
  private static func report(_ error: any Error, to onError: (@Sendable (any Error) -> Void)?) {
    if error is CancellationError { return }
    if let onError { onError(error) } else { log.debug("a handler failed: \(error)") }
  }

  func acceptUnlessClosed() async throws -> TCPConnection? {
    do {
      return try await accept()
    } catch let error as SocketError where error.errno == .badFileDescriptor {
      return nil
    } catch let error as SocketError where error.errno == .shutDown {
      // The loop stopped between two calls of `accept` rather than during one.
      throw CancellationError()
    }
  }

  /// Stops listening, once what waits in the kernel's accept queue now has been accepted: later connections are refused, or
  /// left to others that listen on the same socket. `accept` goes on returning the connections that had been accepted, and
  /// then throws `SocketError` with `EBADF`; so `serve` ends when all of them have been handled. The listener still has to be
  /// closed, or connections that nobody asks for stay open. While descriptors or memory are short, what waits is tried again, as by
  /// `accept`. Returns at once.
  ///
  /// Two listeners of one socket may both be waiting when a connection comes, and the kernel wakes but one. So what waits is
  /// not left to the others: the one that was woken may be the one that stops.
  public func stopAccepting() {
    socket.perform { $0.stopAccepting() }
  }

  /// Stops listening: connections in the kernel's accept queue, and those accepted that nobody has asked for, are closed.
  /// Waiting `accept` calls get `SocketError` with `EBADF`. Closing twice is fine. `close(2)`
  public func close() async { await socket.close() }
}
