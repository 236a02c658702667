import Glibc
import Logging

/// Accepts connections and has them handled, under an execution pattern that is a value.
///
/// ```swift
/// let server = try Server(address: SocketAddress("127.0.0.1:7000"), pattern: .multiThreaded(threads: 2, accept: .reusePort))
/// try await server.run { connection in
///   while let chunk = try await connection.receive() { try await connection.send(chunk) }
/// }
/// ```
///
/// SIGTERM and SIGINT drain the server: it serves the connections that have come, refuses new ones, lets its handlers finish,
/// cancels those that are left after `Options.drainTime`, and `run` returns. A second signal ends everything at once. Under a service manager, sockets
/// that it passes (`LISTEN_FDS`) are used instead of the address, and it is told when the server is ready
/// (`NOTIFY_SOCKET`). `sd_listen_fds(3)`, `sd_notify(3)`
///
/// Under a pattern of several processes the program is the supervisor, and runs itself again for each worker: there `run`
/// serves. The supervisor sets an ignored SIGCHLD to its default and leaves it there: it needs to hear of its workers' ends. So whatever the program does before `run` happens in every process, and it should do little. SIGHUP replaces
/// all workers, one generation by the next, without losing a connection: for a program that reads its configuration at
/// its start. One such server a program.
///
/// As the first process of a container, a program also becomes the parent of every orphan there, and Gyre reaps only what it has
/// started. Where handlers start programs that outlive them, the container needs an init in front: `docker run --init`.
public final class Server: Sendable {
  /// What a server does with a connection, which is closed when this ends. An error ends that connection alone.
  public typealias ConnectionHandler = @Sendable (TCPConnection) async throws -> Void
  /// What a server does with a message: the answer's bytes. An error closes the connection.
  public typealias MessageHandler = @Sendable (_ message: [UInt8]) async throws -> [UInt8]

  /// Where the server listens; unless a service manager passes sockets.
  public let address: SocketAddress
  /// Who accepts, reads and executes.
  public let pattern: ExecutionPattern
  /// How everything is made.
  public let options: Options

  /// Finished when the server is to drain.
  let draining = Channel<Never>(capacity: 1)
  static let log = Logger(label: "gyre.server")

  /// Makes a server that does nothing yet.
  ///
  /// - Throws: `ConfigurationError` for a value that cannot be used.
  public init(
    address: SocketAddress,
    pattern: ExecutionPattern = .singleThreaded,
    options: Options = Options()
  ) throws {
    try pattern.validate()
    try options.validate()
    self.address = address
    self.pattern = pattern
    self.options = options
  }

  /// Serves connections until the server has drained.
  ///
  /// - Throws: `ConfigurationError` under `.messageBalanced`, which needs messages; `BackendError` and `SocketError` if the
  ///   server cannot start; `CancellationError` if the task was cancelled, which cancels the handlers too.
  public func run(_ handler: @escaping ConnectionHandler) async throws {
    if case .multiThreaded(_, .messageBalanced) = pattern {
      throw ConfigurationError("messageBalanced hands over messages: use Server.run(messages:_:), which frames them")
    }
    try await run(.connections(handler))
  }

  /// Serves the messages of connections until the server has drained. Runs under every pattern.
  ///
  /// The messages of one connection are answered in order. Under `.messageBalanced` they are executed side by side where
  /// several have arrived together.
  ///
  /// - Parameter framing: where a message ends.
  /// - Throws: as `run(_:)`.
  public func run(messages framing: Framing, _ handler: @escaping MessageHandler) async throws {
    try await run(.messages(framing, handler))
  }

  /// Asks the server to drain, as SIGTERM does; from any thread, any number of times. Returns at once. In a supervisor it
  /// drains the workers.
  public func drain() { draining.finish() }

  private func run(_ work: ServerWork) async throws {
    guard pattern.usesProcesses else {
      let sockets = try ListeningSockets.open(for: self)
      return try await ThreadServer(server: self, work: work, sockets: sockets, onReady: isReady).run()
    }
    if let worker = try WorkerProcess.fromEnvironment(endsWithin: options.workerEndTime) {
      try await worker.serve(self, work)
    } else {
      try await SupervisorThread.run(self, isReady)
    }
  }

  /// Tells whoever wants to know that connections are accepted.
  private func isReady(_ address: SocketAddress) {
    ServiceManager.notify("READY=1")
    options.onReady?(address)
  }
}
