public import CoreMetrics
public import Gyre
public import Logging

/// Reports what waits in a loop, at its listeners and on its connections to swift-metrics. Make one for each loop.
///
/// ```swift
/// let metrics = LoopMetrics(loop, listeners: [listener])
/// try await withThrowingTaskGroup { group in
///   group.addTask { try await metrics.run(every: .seconds(10)) }
///   …
/// }
/// ```
///
/// The instruments are made once, with the dimensions `loop` (the thread's name) and `backend`: gauges and counters
/// `gyre.loop.…` for `EventLoop.queues`, `gyre.listener.…` for `TCPListener.queues`, with the dimension `address`, counters
/// `gyre.host.…` for `HostDrops` if asked for, and distributions `gyre.connection.…` for `TCPConnection.buffers`. Their names
/// are the properties' names (docs/queues.md). What the kernel does not know is not reported.
///
/// It logs every sample at trace level, and at debug level what a listener has dropped.
public actor LoopMetrics {
  private let loop: EventLoop
  private let extras: ListenerQueues.Extras
  private let dimensions: [(String, String)]
  private let factory: any MetricsFactory
  private let logger: Logger
  private var loopInstruments: LoopInstruments
  private var listeners: [ListenerInstruments]
  private let connections: ConnectionInstruments
  private var host: HostInstruments?

  /// Makes the instruments.
  ///
  /// - Parameters:
  ///   - listeners: those to report, until they are closed.
  ///   - extras: what costs more to find out, at each sample: see `TCPListener.queues(including:)`.
  ///   - dimensions: more dimensions for all instruments.
  ///   - factory: what makes them. Default: the one that the program was bootstrapped with.
  public init(
    _ loop: EventLoop,
    listeners: [TCPListener] = [],
    extras: ListenerQueues.Extras = [],
    dimensions: [(String, String)] = [],
    factory: any MetricsFactory = MetricsSystem.factory,
    logger: Logger = Logger(label: "gyre.metrics")
  ) {
    let dimensions = [("loop", loop.configuration.name), ("backend", loop.backend.rawValue)] + dimensions
    self.loop = loop
    self.extras = extras
    self.dimensions = dimensions
    self.factory = factory
    self.logger = logger
    loopInstruments = LoopInstruments(dimensions, factory)
    connections = ConnectionInstruments(dimensions, factory)
    self.listeners = listeners.map {
      ListenerInstruments($0, withSYNQueue: extras.contains(.synQueue), dimensions, factory)
    }
  }

  deinit {
    loopInstruments.destroy()
    connections.destroy()
    host?.destroy()
    for listener in listeners { listener.destroy() }
  }

  /// Samples at once and then at every `interval`, until the task is cancelled or the loop ends.
  ///
  /// - Throws: `CancellationError` then; what `record()` throws.
  public func run(every interval: Duration = .seconds(10)) async throws {
    while true {
      try await record()
      try await loop.sleep(for: interval)
    }
  }

  /// Samples the loop, its listeners, and the host if asked for. Costs one hop to the loop, about 1 µs a listener, and the
  /// extras.
  ///
  /// - Throws: `CancellationError` if the loop has ended; `SocketError` or `Errno` where the kernel does not answer.
  public func record() async throws {
    let (queues, statistics) = (try await loop.queues, try await loop.statistics)
    loopInstruments.record(queues, statistics)
    logger.trace("loop \(loop.configuration.name): \(queues)")
    for index in listeners.indices.reversed() { try record(listenerAt: index) }
    if extras.contains(.host) { try recordHost() }
  }

  /// Adds a sample of a connection's buffers to the distributions. As `TCPConnection.buffers`.
  ///
  /// Call it where it says something: for every connection now and then, or for those that are slow.
  public func record(_ connection: TCPConnection) async throws {
    let buffers = try await connection.buffers
    connections.record(buffers)
    logger.trace("connection: \(buffers)")
  }

  private func record(listenerAt index: Int) throws(SocketError) {
    let listener = listeners[index].listener
    do throws(SocketError) {
      let queues = try listener.queues(including: extras.intersection(.synQueue))
      let drops = listeners[index].record(queues)
      logger.trace("listener \(listener.address): \(queues)")
      if drops > 0 {
        logger.debug("listener \(listener.address) has dropped \(drops) packets: \(queues)")
      }
    } catch {
      guard error.errno == .badFileDescriptor else { throw error }
      listeners.remove(at: index).destroy()
    }
  }

  private func recordHost() throws(Errno) {
    let drops = try HostDrops.current()
    if host == nil { host = HostInstruments(drops, dimensions, factory) }
    host?.record(drops)
  }
}
