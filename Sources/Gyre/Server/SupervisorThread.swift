import CLiburing
import Glibc
import Synchronization

/// Runs a supervisor on a thread of its own: it waits for processes and signals, and needs no loop.
enum SupervisorThread {
  private static let isSupervising = Atomic<Bool>(false)

  /// Supervises until the server has drained.
  static func run(_ server: Server, _ onReady: @escaping @Sendable (SocketAddress) -> Void) async throws {
    // A worker could not tell whose it is.
    guard !isSupervising.exchange(true, ordering: .relaxed) else { throw ConfigurationError.secondServer }
    defer { isSupervising.store(false, ordering: .relaxed) }
    try await validate(server)
    let sockets = try ListeningSockets.open(for: server)
    let requests = try SupervisorRequests()
    let observer = try observe(for: server, requests)
    defer { observer.map(SignalEvents.ignore) }
    let draining = Task {
      _ = try await server.draining.receive()
      requests.drain()
    }
    let result = await withTaskCancellationHandler {
      await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<Void, any Error>, Never>) in
        let failure = Thread.start(name: "gyre-supervisor") {
          let result = Result<Void, any Error> {
            let address = try sockets.address()
            try supervise(server, sockets, requests) { onReady(address) }
          }
          continuation.resume(returning: result)
        }
        if let failure { continuation.resume(returning: .failure(failure)) }
      }
    } onCancel: {
      requests.end()
    }
    noteResumed()
    draining.cancel()
    try result.get()
    try Task.checkCancellation()
  }

  /// What would fail in every worker, again and again, fails here, once. A loop is made as the workers make theirs: that
  /// also finds what only the kernel knows.
  ///
  /// - Throws: `ConfigurationError` and `BackendError` if a worker could have no loop; `WorkerError` if no process can be started
  ///   and watched.
  private static func validate(_ server: Server) async throws {
    let loop = try EventLoop.start(server.options.loop)
    await loop.shutdown()
    do throws(Errno) {
      try ChildProcess.prepare()
    } catch {
      throw WorkerError(errno: error)
    }
  }

  private static func observe(for server: Server, _ requests: SupervisorRequests) throws -> Int? {
    guard server.options.handlesSignals else { return nil }
    return try SignalEvents.observe([SIGTERM, SIGINT, SIGHUP], requests.add(signal:))
  }

  private static func supervise(
    _ server: Server,
    _ sockets: ListeningSockets,
    _ requests: SupervisorRequests,
    _ onReady: @escaping () -> Void
  ) throws {
    switch server.pattern {
    case .multiProcess(let workers, _):
      try Supervisor(server, sockets, workers: workers, requests, onReady).run()
    case .processPerConnection(let limit):
      try ConnectionSupervisor(server, sockets, limit: limit, requests, onReady).run()
    case .singleThreaded, .multiThreaded: preconditionFailure("served on threads")
    }
  }
}
