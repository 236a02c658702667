import Glibc

/// Serves on loops of this process: everything under the patterns of threads, and what a worker process does.
struct ThreadServer: Sendable {
  let server: Server
  let work: ServerWork
  let sockets: ListeningSockets
  /// Whether other processes accept from them.
  var isShared = false
  /// What this process is under a supervisor; `nil` if it has none.
  var worker: WorkerProcess?
  let onReady: @Sendable (SocketAddress) -> Void

  private enum Ending: Sendable {
    case served
    case stopped
    case overdue
  }

  /// What one loop does until the server has drained.
  private struct Part: Sendable {
    let loop: EventLoop
    let body: @Sendable () async throws -> Void
  }

  /// The loops of a server.
  private struct Loops {
    /// Those that run handlers.
    let group: EventLoopGroup
    /// The one that drains the server. It runs no handlers, or one that computes would keep the others from being drained;
    /// unless it is the only one, which has everything.
    let control: EventLoop
    /// Those that accept.
    let accepting: [EventLoop]

    func shutdown() async {
      await control.shutdown()
      await group.shutdown()
    }
  }

  private var options: Server.Options { server.options }

  /// Serves until the server has drained.
  func run() async throws {
    let observer = try DrainSignals.observe(for: server, isWorker: worker != nil)
    defer { observer.map(SignalEvents.ignore) }
    let loops = try startLoops()
    let result: Result<Void, any Error>
    do {
      result = .success(try await serve(loops))
    } catch {
      result = .failure(error)
    }
    await loops.shutdown()
    try result.get()
  }

  // MARK: Loops

  private func startLoops() throws -> Loops {
    let group = try EventLoopGroup.start(loops: threads, configuration: options.loop, pinning: options.pinning)
    do {
      return try startControl(beside: group)
    } catch {
      group.stop()
      throw error
    }
  }

  private var threads: Int {
    if case .multiThreaded(let threads, _) = server.pattern { threads } else { 1 }
  }

  /// Where the pattern has a loop that only accepts, or only reads and writes, that one drains, too.
  private func startControl(beside group: EventLoopGroup) throws -> Loops {
    var configuration = options.loop
    switch server.pattern {
    case .multiThreaded(_, .acceptor):
      configuration.name += "-accept"
      // What it accepts leaves it at once: an ordinary descriptor goes without a detour.
      configuration.directDescriptors = 0
    case .multiThreaded(_, .messageBalanced): configuration.name += "-front"
    case _ where group.loops.count > 1:
      let control = try EventLoop.start(drainConfiguration)
      return Loops(group: group, control: control, accepting: group.loops)
    default: return Loops(group: group, control: group.loops[0], accepting: group.loops)
    }
    let front = try EventLoop.start(configuration)
    return Loops(group: group, control: front, accepting: [front])
  }

  /// For a loop that only keeps time and is woken: the least that a loop can do with.
  private var drainConfiguration: EventLoop.Configuration {
    var configuration = EventLoop.Configuration(backend: .epoll)
    configuration.name = options.loop.name + "-drain"
    configuration.bufferCount = 1
    return configuration
  }

  // MARK: Serving

  private func serve(_ loops: Loops) async throws {
    let listeners = try makeListeners(loops.accepting)
    onReady(listeners[0].address)
    let result: Result<Void, any Error>
    do {
      // What the drain cancels, it cancels there: the caller's executor may be busy, too.
      result = .success(
        try await withTaskExecutorPreference(loops.control.taskExecutor) { try await serve(listeners, loops) }
      )
    } catch {
      result = .failure(error)
    }
    for listener in listeners { await listener.close() }
    try result.get()
  }

  private func makeListeners(_ loops: [EventLoop]) throws -> [TCPListener] {
    let numbers = sockets.numbers
    let isShared = isShared || server.pattern.areShared(numbers.count, by: loops.count)
    return try loops.enumerated().flatMap { place, loop in
      try server.pattern.sockets(of: place, of: loops.count, among: numbers.count).map { socket in
        let copy = try ListeningSockets.duplicate(numbers[socket])
        return try TCPListener.adopt(copy, on: loop, isShared: isShared)
      }
    }
  }

  private func serve(_ listeners: [TCPListener], _ loops: Loops) async throws {
    try await withThrowingTaskGroup(of: Ending.self) { tasks in
      var left = 0
      for part in parts(listeners, loops) {
        left += 1
        tasks.addTask(executorPreference: part.loop.taskExecutor) {
          do { try await part.body() } catch is CancellationError {}
          return .served
        }
      }
      tasks.addTask { await stopWhenDraining(listeners, on: loops.control) }
      while left > 0, let ending = try await tasks.next() {
        switch ending {
        case .served: left -= 1
        case .stopped: break
        case .overdue:
          tasks.cancelAll()
          Server.log.notice("handlers are cancelled: they did not end within \(options.drainTime)")
        }
      }
      tasks.cancelAll()
    }
    try Task.checkCancellation()
  }

  private func stopWhenDraining(_ listeners: [TCPListener], on loop: EventLoop) async -> Ending {
    do {
      try await waitForTheEnd()
      sockets.stopListening()
      try await sockets.settle(on: loop)
      try await worker?.announceDrain(on: loop)
      for listener in listeners { listener.stopAccepting() }
      try await loop.sleep(for: options.drainTime)
      return .overdue
    } catch {
      return .stopped
    }
  }

  /// Until the server is to drain. A worker has nobody to tell.
  ///
  /// - Throws: `CancellationError` if it is to end at once.
  private func waitForTheEnd() async throws {
    defer { ServiceManager.notify("STOPPING=1") }
    _ = try await server.draining.receive()
  }

  // MARK: What each loop does

  private func parts(_ listeners: [TCPListener], _ loops: Loops) -> [Part] {
    if case .multiThreaded(_, .messageBalanced) = server.pattern, case .messages(let framing, let handler) = work {
      return balancedParts(MessageBalancer(framing, handler), listeners, loops.group)
    }
    let handler = work.connectionHandler
    if case .multiThreaded(_, .acceptor) = server.pattern {
      return listeners.map { listener in
        Part(loop: listener.loop) { try await handOver(from: listener, to: loops.group, handler) }
      }
    }
    return listeners.map { listener in Part(loop: listener.loop) { try await listener.serve(handler) } }
  }

  private func balancedParts(_ balancer: MessageBalancer, _ listeners: [TCPListener], _ group: EventLoopGroup) -> [Part]
  {
    let executing = group.loops.flatMap { loop in
      (0..<options.messagesPerThread).map { _ in Part(loop: loop) { try await balancer.execute() } }
    }
    let front = listeners[0].loop
    let reading = Part(loop: front) {
      // When the last of them has ended.
      defer { balancer.finish() }
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for listener in listeners {
          tasks.addTask(executorPreference: front.taskExecutor) {
            try await listener.serve { try await balancer.serve($0) }
          }
        }
        try await tasks.waitForAll()
      }
    }
    return [reading] + executing
  }

  /// Accepts on one loop and hands each connection to the next of the others.
  private func handOver(
    from listener: TCPListener,
    to group: EventLoopGroup,
    _ handler: @escaping Server.ConnectionHandler
  ) async throws {
    try await HandlerTasks.withScope { tasks in
      while let connection = try await listener.acceptUnlessClosed() {
        let loop = group.next()
        let place = tasks.reserve()
        let task = Task(executorPreference: loop.taskExecutor) {
          do {
            try await connection.move(to: loop).withScope(handler)
          } catch is CancellationError {
          } catch {
            Server.log.debug("a handler failed: \(error)")
          }
          tasks.leave(place)
        }
        tasks.keep(task, at: place)
      }
    }
  }
}
