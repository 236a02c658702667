extension Server {
  /// How a server is made.
  public struct Options: Sendable {
    /// How its listeners are made. `reusePort` is set where the pattern says so.
    public var listener = TCPListener.Options()
    /// How its loops are made.
    public var loop = EventLoop.Configuration()
    /// Whether the loops of one process keep to cores. Default: no.
    public var pinning = EventLoopGroup.Pinning.none
    /// How long handlers may go on when the server drains; then they are cancelled. Default: ten seconds.
    public var drainTime = Duration.seconds(10)
    /// How long a worker process may take from its start until it accepts. Then it is killed, which is logged, and another one
    /// is started. Raise it for a program that prepares for longer before it calls `run`. Default: 30 seconds.
    public var workerStartTime = Duration.seconds(30)
    /// Messages that each thread of `.messageBalanced` executes at a time. Default: 1, which suits handlers that compute;
    /// raise it for handlers that wait for something.
    public var messagesPerThread = 1
    /// Bytes of data that a worker process may have; an allocation beyond it fails, which ends that worker and no other.
    /// Default: no limit. `RLIMIT_DATA`
    ///
    /// The loop's buffers count in full, used or not, and some 64 MiB beside them: with the default buffers, 128 MiB, a limit
    /// has to be 192 MiB at least. A smaller one is a `ConfigurationError`.
    public var workerMemoryLimit: Int?
    /// Drain at SIGTERM and SIGINT, and replace the workers at SIGHUP. Default: true.
    public var handlesSignals = true
    /// Called when the server accepts connections, with the address that it listens on: in the process that was started,
    /// not in its workers.
    public var onReady: (@Sendable (SocketAddress) -> Void)?

    /// The defaults.
    public init() {}

    /// After that a worker which was asked to drain is killed: a second more than its handlers have.
    var workerEndTime: Duration { .nanoseconds(Int64(clamping: drainTime.nanosecondsClamped)) + .seconds(1) }

    /// What a worker needs beside its loop's buffers: stacks and heaps of a few threads. `RLIMIT_DATA` counts what is mapped.
    private static let memoryBesideBuffers = 64 << 20

    private func validateMemoryLimit() throws(ConfigurationError) {
      let buffers = loop.bufferCount * loop.bufferSize
      let needed = buffers + Options.memoryBesideBuffers
      guard let workerMemoryLimit, workerMemoryLimit < needed else { return }
      throw ConfigurationError(
        "workerMemoryLimit is \(workerMemoryLimit), and the loop’s buffers alone are \(buffers) bytes: use \(needed) or more, "
          + "or fewer or smaller buffers (loop.bufferCount, loop.bufferSize)"
      )
    }

    func validate() throws(ConfigurationError) {
      try listener.validate()
      try loop.validate()
      guard drainTime >= .zero else { throw ConfigurationError("drainTime is \(drainTime): use zero or more") }
      guard workerStartTime > .zero else {
        throw ConfigurationError("workerStartTime is \(workerStartTime): use more than zero")
      }
      guard (1...65536).contains(messagesPerThread) else {
        throw ConfigurationError("messagesPerThread is \(messagesPerThread): use 1 to 65536")
      }
      try validateMemoryLimit()
    }
  }
}
