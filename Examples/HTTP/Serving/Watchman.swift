import Gyre

/// Ends connections whose clients take too long. One task looks after all of them, so none needs a timer of its own.
actor Watchman {
  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }

  nonisolated let clock = TickClock()
  private var watches: [ObjectIdentifier: Watch] = [:]
  private let tick: Duration

  /// - Parameter patience: how long a client may take for a head. It has six times as long for each piece of a body or of
  ///   an answer, and until its next request.
  init(on loop: EventLoop, patience: Duration) {
    self.loop = loop
    tick = patience / TickClock.ticksPerHead
  }

  func add(_ watch: Watch) { watches[ObjectIdentifier(watch)] = watch }

  func remove(_ watch: Watch) { watches[ObjectIdentifier(watch)] = nil }

  /// Looks after the connections until the task is cancelled.
  func run() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      while true {
        try await loop.sleep(for: tick)
        clock.moveOn()
        for watch in watches.values where watch.isOver {
          if [.head, .body].contains(watch.phase) {
            watch.begin(.lingering)
            group.addTask { await Watchman.tell(watch.connection) }
          } else {
            remove(watch)
            // This ends what the connection's own task waits for.
            group.addTask { await watch.connection.close() }
          }
        }
      }
    }
  }

  /// Tells a client that owes the rest of a request. Its connection is closed soon, whether it takes this or not.
  private static func tell(_ connection: TCPConnection) async {
    var writer = ResponseWriter()
    writer.append(Response(RequestFailure(.requestTimeout, "the request took too long")), to: nil, isLast: true)
    do {
      try await connection.send(writer.bytes)
      try await connection.shutdown(.send)
    } catch {
      // It has gone, which its own task sees too.
    }
  }
}
