import Glibc
import Testing

@testable import Gyre

/// Connections that go from one loop to another.
@Suite(.serialized)
struct MovingTests {
  @Test(arguments: ChannelTests.pairs)
  func whatHadArrivedGoesAlongAndTheRestFollows(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      try await Pair.with(loops[0]) { pair in
        try await pair.client.send("first ")
        // Arms the receive, so that something is in flight and something has arrived.
        #expect(try await pair.server.receive()?.text == "first ")
        try await pair.client.send("second ")
        try await eventually("it has arrived") { pair.server.socket.hasArrived }
        let moved = try await pair.server.move(to: loops[1])
        #expect(moved.loop === loops[1])
        try await pair.client.send("third")
        let text = start(on: loops[1]) { String(decoding: try await moved.receive(exactly: 12), as: UTF8.self) }
        #expect(try await text.value == "second third")
        try await start(on: loops[1]) { try await moved.send("answer") }.value
        #expect(try await pair.client.receive()?.text == "answer")
        #expect(await socketErrno { _ = try await pair.server.receive() } == .badFileDescriptor)
        await pair.server.close()
        try await pair.client.send("still open")
        #expect(try await moved.receive()?.text == "still open")
        await moved.close()
        #expect(try await pair.client.receive() == nil)
      }
    }
  }

  @Test(arguments: ChannelTests.pairs)
  func theEndOfTheStreamGoesAlong(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      try await Pair.with(loops[0]) { pair in
        try await pair.client.send("last")
        try await pair.client.shutdown(.send)
        #expect(try await pair.server.receive()?.text == "last")
        let isAtEnd = try await pair.server.receive() == nil
        #expect(isAtEnd)
        let moved = try await pair.server.move(to: loops[1])
        let isStillAtEnd = try await moved.receive() == nil
        #expect(isStillAtEnd)
        await moved.close()
      }
    }
  }

  @Test(arguments: ChannelTests.pairs)
  func aConnectionThatSomebodyWaitsOnStays(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      try await Pair.with(loops[0]) { pair in
        let receiving = start(on: loops[0]) { try await pair.server.receive()?.text }
        try await eventually("it waits") { pair.server.socket.isAwaited }
        #expect(await socketErrno { _ = try await pair.server.move(to: loops[1]) } == .busy)
        try await pair.client.send("here")
        #expect(try await receiving.value == "here")
        await pair.server.close()
        #expect(await socketErrno { _ = try await pair.server.move(to: loops[1]) } == .badFileDescriptor)
      }
    }
  }

  @Test(arguments: ChannelTests.pairs)
  func aConnectionWithoutADirectSlotMovesToo(_ backends: [Backend]) async throws {
    try await withLoops(backends, configure: { $0.directDescriptors = 0 }) { loops in
      try await Pair.with(loops[0]) { pair in
        let (client, server) = (try await pair.client.move(to: loops[1]), try await pair.server.move(to: loops[1]))
        try await client.send("ordinary")
        #expect(try await server.receive()?.text == "ordinary")
        await client.close()
        await server.close()
      }
    }
  }

  @Test(arguments: ChannelTests.pairs)
  func aStoppedLoopRefusesAndLeavesNothingOpen(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      try await Pair.with(loops[0]) { pair in
        await loops[1].shutdown()
        let moved = try await pair.server.move(to: loops[1])
        #expect(await socketErrno { _ = try await moved.receive() } == .shutDown)
        await moved.close()
        #expect(try await pair.client.receive() == nil)
      }
    }
  }

  /// A stream without a pause while its reader goes to and fro.
  @Test(arguments: ChannelTests.pairs)
  func aStreamStaysWholeWhileItsReaderMoves(_ backends: [Backend]) async throws {
    let seed = UInt64(environmentNumber("GYRE_SEED", default: 20_261_124))
    print("moving \(backends) seed \(seed)")
    try await withLoops(backends, seconds: 120) { loops in
      try await Pair.with(loops[0]) { pair in
        let total = 24 << 20
        let pattern = (0..<251).map { UInt8($0) }
        let sending = start(on: loops[0]) {
          let block = [UInt8]((0..<251).map { _ in pattern }.joined())
          var left = total
          while left > 0 {
            let count = min(left, block.count)
            try await pair.client.send(block.span.bytes.extracting(0..<count))
            left -= count
          }
          try await pair.client.shutdown(.send)
        }
        var random = SeededGenerator(seed: seed)
        var connection = try await pair.server.move(to: loops[1])
        var (received, moves) = (0, 1)
        var isAtEnd = false
        while !isAtEnd {
          for _ in 0..<random.spread(32) {
            guard let bytes = try await connection.receive()?.copy() else {
              isAtEnd = true
              break
            }
            #expect(bytes.first == UInt8(received % 251) && bytes.last == UInt8((received + bytes.count - 1) % 251))
            received += bytes.count
          }
          connection = try await connection.move(to: loops[moves % 2])
          moves += 1
        }
        #expect(received == total && moves > 20)
        try await sending.value
        await connection.close()
      }
    }
  }
}
