import Testing

@testable import Gyre

/// Races cancellation against large sends, half of them in exchanges: the peer gets an exact beginning of what was sent, and all
/// of it if the call returned.
struct SendRaces {
  let loop: EventLoop
  let listener: TCPListener
  var random: SeededGenerator

  private static let payload = ByteSequence.bytes(0..<(1 << 20))

  mutating func run(_ count: Int) async throws -> RaceTally {
    var tally = RaceTally()
    for _ in 0..<count {
      let listener = listener
      async let accepting = listener.accept()
      let sender = try await TCPConnection.connect(to: listener.address)
      let receiver = try await accepting
      let exchanges = Bool.random(using: &random)
      let send = Task(executorPreference: loop.taskExecutor) {
        try await sender.withScope { sender in
          guard exchanges else { return try await sender.send(SendRaces.payload) }
          #expect(try await sender.exchange(SendRaces.payload)?.text == "answer")
        }
      }
      let drain = Task(executorPreference: loop.taskExecutor) { try await SendRaces.countPrefix(receiver) }
      for _ in 0..<random.spread(256) { await Task.yield() }
      send.cancel()
      let won = await SendRaces.didSucceed(send)
      let arrived = try await drain.value
      if won { #expect(arrived == SendRaces.payload.count) }
      if won { tally.completed += 1 } else { tally.cancelled += 1 }
      await receiver.close()
    }
    return tally
  }

  private static func didSucceed(_ send: Task<Void, any Error>) async -> Bool {
    do {
      try await send.value
      return true
    } catch is CancellationError {
      return false
    } catch {
      Issue.record("unexpected: \(error)")
      return false
    }
  }

  /// Receives to the end of the stream and compares with the payload; answers when it is complete.
  private static func countPrefix(_ receiver: TCPConnection) async throws -> Int {
    var count = 0
    while let chunk = try await receive(from: receiver, after: count) {
      let isRight = chunk.copy().elementsEqual(payload[count..<min(count + chunk.count, payload.count)])
      if !isRight { Issue.record("wrong bytes at \(count)") }
      count += chunk.count
      if count == payload.count { try? await receiver.send("answer") }
    }
    return count
  }

  /// A sender that has closed with the answer unread has reset the connection.
  private static func receive(from receiver: TCPConnection, after count: Int) async throws -> Chunk? {
    do {
      return try await receiver.receive()
    } catch let error as SocketError where error.errno == .connectionReset && count == payload.count {
      return nil
    }
  }
}
