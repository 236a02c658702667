import Gyre

/// Event loops in this process that serve one port.
struct ServerThreads {
  /// Who accepts.
  enum Acceptors {
    /// Every loop, at a listener of its own.
    case all
    /// The first loop, which hands each connection to one of the others in turn.
    case first
  }

  let port: UInt16
  private let loops: [EventLoop]
  private let listeners: [TCPListener]
  private let serving: [Task<Void, any Error>]

  init(_ count: Int, _ acceptors: Acceptors, on backend: BackendChoice) async throws {
    var configuration = EventLoop.Configuration(backend: backend)
    // A connection moves to another loop with an ordinary descriptor.
    if acceptors == .first { configuration.directDescriptors = 0 }
    var (loops, listeners): ([EventLoop], [TCPListener]) = ([], [])
    do {
      for number in 0..<count {
        loops.append(try EventLoop.start(configuration))
        if number > 0 && acceptors == .first { continue }
        listeners.append(try ServerThreads.listener(beside: listeners.first, on: loops[number]))
      }
    } catch {
      for loop in loops { await loop.shutdown() }
      throw error
    }
    (self.loops, self.listeners, port) = (loops, listeners, listeners[0].address.port)
    let others = acceptors == .first ? Array(loops.dropFirst()) : []
    serving = listeners.map { listener in
      Task(executorPreference: listener.loop.taskExecutor) { try await ServerThreads.serve(listener, others) }
    }
  }

  func end() async {
    for listener in listeners { await listener.close() }
    for task in serving { _ = await task.result }
    for loop in loops { await loop.shutdown() }
  }

  private static func listener(beside other: TCPListener?, on loop: EventLoop) throws -> TCPListener {
    var options = TCPListener.Options()
    options.reusePort = true
    return try TCPListener.bind(to: other?.address ?? .loopback(port: 0), options: options, on: loop)
  }

  /// Serves on the listener's loop, or hands over to the others.
  private static func serve(_ listener: TCPListener, _ others: [EventLoop]) async throws {
    let turn = SharedVariable()
    try await listener.serve { connection in
      let acceptor = ThreadIdentity.current
      guard !others.isEmpty else { return try await TourServer.answer(connection, acceptor) }
      turn.value += 1
      let loop = others[turn.value % others.count]
      let moved = try await connection.move(to: loop)
      try await Task(executorPreference: loop.taskExecutor) {
        let result = await Result { try await TourServer.answer(moved, acceptor) }
        await moved.close()
        try result.get()
      }.value
    }
  }
}
