import Gyre

/// Ends connections whose clients take too long. One task looks after all of them, so none needs a timer of its own.
actor Watchman {
  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }

  nonisolated let clock = TickClock()
  private var watches: [ObjectIdentifier: Watch] = [:]
  private let tick: Duration

  /// - Parameter patience: how long a client may take for a head; it is given six times as long for a body, for reading
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
          remove(watch)
          group.addTask { await Watchman.end(watch) }
        }
      }
    }
  }

  /// Tells a client that owes something, and closes the connection, which ends what its own task waits for.
  private static func end(_ watch: Watch) async {
    if [.head, .body].contains(watch.phase) {
      var writer = ResponseWriter()
      let failure = RequestFailure(.requestTimeout, "the request took too long")
      writer.append(Response(failure), to: nil, isLast: true)
      // A client that does not take even this has its connection closed all the same.
      let bytes = writer.bytes
      _ = try? await withTimeout(.seconds(1)) { try await watch.connection.send(bytes) }
    }
    await watch.connection.close()
  }
}
