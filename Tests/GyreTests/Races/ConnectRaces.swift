import Testing

@testable import Gyre

/// Races cancellation against `connect` and `accept` on one listener: whatever connects is accepted once or refused, and
/// every descriptor is closed.
struct ConnectRaces {
  let loop: EventLoop
  let listener: TCPListener
  var random: SeededGenerator

  /// Cancels accepts while connections come in, then accepts the rest without: every connection is delivered.
  mutating func raceAccepts(_ count: Int) async throws -> RaceTally {
    var tally = RaceTally()
    for _ in 0..<count {
      let listener = listener
      let accept = Task(executorPreference: loop.taskExecutor) { try await listener.accept() }
      let connect = Task(executorPreference: loop.taskExecutor) {
        try await TCPConnection.connect(to: listener.address)
      }
      for _ in 0..<random.spread(1024) { await Task.yield() }
      accept.cancel()
      let client = try await connect.value
      do {
        await (try accept.value).close()
        tally.completed += 1
      } catch is CancellationError {
        tally.cancelled += 1
        await (try listener.accept()).close()
      }
      await client.close()
    }
    return tally
  }

  /// Cancels connects. A connect that won is a connection; one that lost may still reach the listener, which closes it.
  mutating func raceConnects(_ count: Int) async throws -> RaceTally {
    let listener = listener
    let drain = Task(executorPreference: loop.taskExecutor) {
      while true { await (try listener.accept()).close() }
    }
    var tally = RaceTally()
    for _ in 0..<count {
      let connect = Task(executorPreference: loop.taskExecutor) {
        try await TCPConnection.connect(to: listener.address)
      }
      for _ in 0..<random.spread(1024) { await Task.yield() }
      connect.cancel()
      do {
        await (try connect.value).close()
        tally.completed += 1
      } catch is CancellationError {
        tally.cancelled += 1
      }
    }
    drain.cancel()
    await #expect(throws: CancellationError.self) { try await drain.value }
    return tally
  }
}
