/// How a server divides its work among threads and processes: who listens, who accepts, who reads, who executes.
///
/// The same handler runs under each; the pattern is a value of the server.
public enum ExecutionPattern: Sendable, Equatable {
  /// One loop does everything. Known from Node.js and Redis.
  ///
  /// ```
  /// clients ──▶ [listen · accept · read · execute]   one thread
  /// ```
  ///
  /// Cheapest per request, and nothing is shared, so nothing has to be locked. It uses one core, and a request that computes
  /// for long delays all others.
  case singleThreaded

  /// Several loops in one process; `accept` says how connections, or messages, come to them.
  ///
  /// Threads share memory: handlers can share state, and have to guard it. A crash takes all of them down.
  case multiThreaded(threads: Int, accept: ThreadAccept)

  /// Several worker processes of one loop each, under a supervisor that owns the listening sockets. Known from NGINX and
  /// Node.js' cluster.
  ///
  /// ```
  /// supervisor [listen] ── descriptors ──▶ worker [accept · read · execute]   one process each
  ///      └───── starts, watches, replaces ─▶ worker [accept · read · execute]
  /// ```
  ///
  /// Workers share no memory: a crash takes one worker's connections and no others, and the supervisor starts the worker
  /// again. Costs a process's memory for each worker, and two open files of the supervisor's. While a worker is replaced, the
  /// next one has two as well until it is ready, and the old one keeps one for as long as it drains. A limit of open files
  /// (`ulimit -n`) that allows less than three for each worker is refused when the server starts; where more workers drain than that,
  /// the next ones wait until some have ended.
  case multiProcess(workers: Int, accept: ProcessAccept)

  /// A process for each connection, at most `limit` at a time; further ones wait in the kernel's queue. Known from
  /// PostgreSQL and Apache's prefork.
  ///
  /// ```
  /// supervisor [listen · accept] ── the connection ──▶ process [read · execute]   one for each connection
  /// ```
  ///
  /// The strongest isolation: a crash takes one connection. Costs the start of a process for each connection, some
  /// milliseconds, its memory, and an open file of the supervisor's: for few long-lived connections. A limit beyond that of
  /// open files (`ulimit -n`) is refused when the server starts.
  case processPerConnection(limit: Int)

  /// How connections come to the loops of one process.
  public enum ThreadAccept: String, Sendable, CaseIterable {
    /// Each loop has a listener of its own on the same port. Known from Envoy and NGINX's `reuseport`. `SO_REUSEPORT`
    ///
    /// ```
    /// clients ─┬▶ [listen · accept · read · execute]   the kernel chooses by a hash
    ///          └▶ [listen · accept · read · execute]   of the addresses
    /// ```
    ///
    /// Nothing is shared, not even a queue: even on average, uneven with few connections. A loop that is stuck keeps the
    /// connections in its queue waiting, and those still queued when the process ends are reset.
    case reusePort
    /// All loops accept from one listener. Known from Apache, and NGINX's default.
    ///
    /// ```
    /// clients ──▶ [listen] ─┬▶ [accept · read · execute]   whoever is free
    ///                       └▶ [accept · read · execute]
    /// ```
    ///
    /// One queue: a loop that is stuck keeps no more than one connection waiting. Whoever is awake takes what is there, so
    /// that a burst of connections can go to one loop, however long they then last.
    case sharedListener
    /// One loop accepts and hands each connection to the next of the others in turn. Known from memcached.
    ///
    /// ```
    /// clients ──▶ [listen · accept] ─┬▶ [read · execute]   in turn
    ///                                └▶ [read · execute]
    /// ```
    ///
    /// Exactly even in connections, whatever each of them then asks for. Costs one hop a connection and a thread that only
    /// accepts, in addition to `threads`.
    case acceptor
    /// One loop reads messages and hands each to whichever of the others is free. Known from RAMCloud. Needs a server of
    /// messages: `Server.run(messages:_:)`.
    ///
    /// ```
    /// clients ──▶ [listen · accept · read · write] ◀─┬▶ [execute]   whoever is free
    ///                                                └▶ [execute]
    /// ```
    ///
    /// Even in work: a message that computes for long occupies one thread and delays no other connection. Costs two hops a
    /// message and a thread that only reads and writes, in addition to `threads`.
    case messageBalanced
  }

  /// How connections come to worker processes.
  public enum ProcessAccept: String, Sendable, CaseIterable {
    /// Each worker accepts from a listener of its own on the same port; the kernel spreads connections by a hash. The
    /// supervisor holds these listeners too, so none of their queues is lost when a worker ends. `SO_REUSEPORT`
    case reusePort
    /// All workers accept from one listener.
    case sharedListener
  }

  /// - Throws: `ConfigurationError` for a number that cannot be used.
  func validate() throws(ConfigurationError) {
    switch self {
    case .singleThreaded: break
    case .multiThreaded(let threads, _):
      guard (1...1024).contains(threads) else { throw ConfigurationError("\(threads) threads: use 1 to 1024") }
    case .multiProcess(let workers, _):
      guard (1...1024).contains(workers) else { throw ConfigurationError("\(workers) workers: use 1 to 1024") }
    case .processPerConnection(let limit):
      guard (1...65536).contains(limit) else {
        throw ConfigurationError("\(limit) processes for connections: use 1 to 65536")
      }
    }
  }

  /// Whether connections are served by other processes than the one that is started.
  var usesProcesses: Bool {
    switch self {
    case .singleThreaded, .multiThreaded: false
    case .multiProcess, .processPerConnection: true
    }
  }

  /// The sockets, by their indices, that one of its loops or workers accepts from. A service manager may have passed more than
  /// the pattern wants, or fewer.
  ///
  /// - Parameters:
  ///   - place: the number of the loop or worker.
  ///   - places: how many there are.
  ///   - count: the number of sockets.
  func sockets(of place: Int, of places: Int, among count: Int) -> [Int] {
    if sharesListeners { return Array(0..<count) }
    return places < count ? Array(stride(from: place, to: count, by: places)) : [place % count]
  }

  /// Whether several loops or workers accept from one socket, if there are so many sockets.
  func areShared(_ count: Int, by places: Int) -> Bool { places > (sharesListeners ? 1 : count) }

  private var sharesListeners: Bool {
    switch self {
    case .multiThreaded(_, .sharedListener), .multiProcess(_, .sharedListener): true
    default: false
    }
  }

  /// The listening sockets that it wants, and whether they share a port by SO_REUSEPORT.
  var listeners: (count: Int, reusePort: Bool) {
    switch self {
    case .multiThreaded(let count, .reusePort), .multiProcess(let count, .reusePort): (count, true)
    default: (1, false)
    }
  }
}
