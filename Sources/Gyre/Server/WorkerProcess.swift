import CLiburing
import Glibc
import Synchronization

/// What a process that a supervisor started has been given.
struct WorkerProcess: Sendable {
  /// What the descriptors after the first are.
  enum Kind: String, Sendable {
    /// Sockets to accept from.
    case listeners
    /// Sockets that other workers accept from too.
    case sharedListeners
    /// One connection to serve.
    case connection
  }

  /// What a worker says to its supervisor.
  enum Word: UInt8, Sendable {
    /// It accepts: an R.
    case ready = 82
    /// It is about to stop accepting, and ends when its handlers have: a D.
    case draining = 68
  }

  let kind: Kind
  let count: Int

  /// The variable that tells a process that it is a worker: the supervisor's process, the kind, the number of sockets, and the
  /// control socket's number among all of the system.
  static let variable = "GYRE_WORKER"
  /// Where a worker says its words; the sockets follow.
  static let control: Int32 = 3

  /// Whether this process has been told what it is. A second server would take itself for a supervisor, and so on in each of
  /// its workers.
  private static let isTold = Atomic<Bool>(false)

  private var sockets: [Int32] { (0..<Int32(count)).map { WorkerProcess.control + 1 + $0 } }

  /// The variable's value for a worker of this process that gets this control socket.
  func environment(control: Int32) -> String {
    "\(getpid()):\(kind.rawValue):\(count):\(WorkerProcess.identity(of: control) ?? "")"
  }

  /// What the supervisor has given this process; `nil` if it was started by somebody else. The variable is taken out of the
  /// environment, so that no program which this one starts takes itself for a worker.
  ///
  /// - Parameter time: how long the process may go on when its supervisor has ended.
  /// - Throws: `ConfigurationError` if the supervisor has ended meanwhile, or if this process is a worker of another server already.
  static func fromEnvironment(endsWithin time: Duration) throws -> WorkerProcess? {
    guard !isTold.load(ordering: .relaxed) else { throw ConfigurationError.secondServer }
    guard let text = getenv(variable).map({ String(cString: $0) }) else { return nil }
    unsetenv(variable)
    let parts = text.split(separator: ":").map(String.init)
    guard parts.count >= 3, let supervisor = Int32(parts[0]), supervisor > 0, let kind = Kind(rawValue: parts[1]),
      let count = Int(parts[2]), (1...ResourceLimits.descriptors).contains(count)
    else { throw ConfigurationError("\(variable) is “\(text)”: it is set for worker processes only; unset it") }
    // A program that a worker starts before it serves inherits the variable, and has another parent or no such socket. (A
    // supervisor that was started before an upgrade may say nothing of the socket.)
    guard let socket = identity(of: control), parts.count == 3 || socket == parts[3] else { return nil }
    let isWorker = try ParentProcess.endWithIt(supervisor, within: time)
    if !isWorker && kill(supervisor, 0) == 0 { return nil }
    isTold.store(true, ordering: .relaxed)
    guard isWorker else { throw ConfigurationError("the supervisor of this worker process has ended") }
    return WorkerProcess(kind: kind, count: count)
  }

  /// A socket's number among all of the system; `nil` if the descriptor is no socket. `fstat(2)`
  private static func identity(of descriptor: Int32) -> String? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    return "\(status.st_ino)"
  }

  func serve(_ server: Server, _ work: ServerWork) async throws {
    limitMemory(server.options.workerMemoryLimit)
    switch kind {
    case .listeners, .sharedListeners:
      let isShared = kind == .sharedListeners
      let threads = ThreadServer(
        server: server,
        work: work,
        sockets: ListeningSockets(sockets, areLent: true),
        isShared: isShared,
        worker: self,
        onReady: { _ in say(.ready) }
      )
      try await threads.run()
    case .connection: try await serveConnection(server, work)
    }
    close(WorkerProcess.control)
  }

  /// A supervisor that does not want to hear it has closed its end.
  private func say(_ word: Word) {
    var byte = word.rawValue
    _ = send(WorkerProcess.control, &byte, 1, Int32(MSG_NOSIGNAL))
  }

  /// Says that this process is about to stop accepting, and waits until the supervisor has closed its end: then it starts another
  /// worker, or drains too and has closed the queues.
  ///
  /// A service manager and a terminal signal all processes at once. If the workers stopped before their supervisor did, whoever
  /// came meanwhile would be reset. A supervisor that says nothing is not waited for without limit.
  func announceDrain(on loop: EventLoop) async throws {
    say(.draining)
    let limit = EventLoop.now + WorkerProcess.supervisorTime
    while !isHeard && EventLoop.now < limit { try await loop.sleep(for: .milliseconds(1)) }
  }

  /// What a supervisor may take to hear a word, in nanoseconds: it may be one of many processes on a busy machine.
  private static let supervisorTime: UInt64 = 5_000_000_000

  /// Whether the supervisor has closed its end. It says nothing itself.
  private var isHeard: Bool {
    var byte: UInt8 = 0
    let count = recv(WorkerProcess.control, &byte, 1, Int32(MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
  }

  private func limitMemory(_ bytes: Int?) {
    guard let bytes else { return }
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
    setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
  }

  /// Serves the one connection. Draining lets it go on for as long as the server allows.
  private func serveConnection(_ server: Server, _ work: ServerWork) async throws {
    let observer = try DrainSignals.observe(for: server, isWorker: true)
    defer { observer.map(SignalEvents.ignore) }
    let loop = try EventLoop.start(server.options.loop)
    let handler = work.connectionHandler
    let serving = Task(executorPreference: loop.taskExecutor) {
      try await TCPConnection.adopt(sockets[0], on: loop).withScope(handler)
    }
    let stopping = Task(executorPreference: loop.taskExecutor) {
      _ = try await server.draining.receive()
      try await loop.sleep(for: server.options.drainTime)
      serving.cancel()
    }
    say(.ready)
    let result = await withTaskCancellationHandler {
      await serving.result
    } onCancel: {
      serving.cancel()
    }
    stopping.cancel()
    _ = await stopping.result
    await loop.shutdown()
    if case .failure(let error) = result { Server.log.debug("a handler failed: \(error)") }
  }
}
