import Synchronization
import Testing

@testable import Gyre

/// The loop's buffers: shares, shortages, and chunks that outlive what they came from.
@Suite(.serialized)
struct BufferTests {
  @Test(arguments: Backends.available, [1, 2, 4])
  func fewBuffersServeManyBusyConnections(_ backend: Backend, _ count: Int) async throws {
    let log = try await withLoop(
      backend,
      seconds: 60,
      configure: {
        $0.bufferCount = count
        $0.bufferSize = 512
      },
      { loop in
        let failures = try await EchoTraffic(loop: loop, connections: 10 * count, messages: 30).run()
        return (failures.count, loop.driver.buffers.exhaustions)
      }
    )
    #expect(log.0 == 0)
    #expect(log.1 > 0, "the pool was never exhausted")
  }

  @Test(arguments: Backends.available)
  func aReaderThatPausesHoldsItsShareAndGetsEverything(_ backend: Backend) async throws {
    try await withLoop(backend, configure: { $0.bufferSize = 1024 }) { loop in
      try await Pair.with(loop) { pair in
        let client = pair.client
        let payload = ByteSequence.bytes(0..<(8 << 20))
        let sending = start(on: loop) { try await client.send(payload) }
        var received = try await pair.server.receive(exactly: 1)
        // The sender stands still: the kernel's buffers are full, and so is the connection's share.
        try await standstill(loop)
        let limit = loop.configuration.buffersPerConnection
        #expect(loop.driver.buffers.held > 0)
        #expect(loop.driver.buffers.held <= limit + 34)
        received += try await pair.server.receive(exactly: payload.count - received.count)
        #expect(received == payload)
        try await sending.value
      }
    }
  }

  /// A kernel that cannot limit a multishot receive lets one connection take what is in the ring, but the ring does not grow
  /// by that, and the connection gets its share exactly once it has done so.
  @Test(.needsIOUring, arguments: [EventLoop.Configuration().bufferCount, 128])
  func withoutALimitAPausedReaderHoldsLittleMoreThanItsShare(_ count: Int) async throws {
    let configure = { @Sendable (configuration: inout EventLoop.Configuration) in
      configuration.without = [.receiveLimit]
      configuration.bufferCount = count
      configuration.bufferSize = 1024
    }
    try await withLoop(.uring, seconds: 60, configure: configure) { loop in
      let share = loop.configuration.buffersPerConnection
      for _ in 0..<4 {
        try await Pair.with(loop) { pair in
          let client = pair.client
          let payload = ByteSequence.bytes(0..<(4 << 20))
          let sending = start(on: loop) { try await client.send(payload) }
          var received = try await pair.server.receive(exactly: 1)
          try await standstill(loop)
          #expect(loop.driver.buffers.held > 0)
          #expect(loop.driver.buffers.held <= share + 33)
          // Those that it holds, and as many again as make its share anew.
          received += try await pair.server.receive(exactly: 64 << 10)
          try await standstill(loop)
          #expect(loop.driver.buffers.held > 0)
          #expect(loop.driver.buffers.held <= share)
          received += try await pair.server.receive(exactly: payload.count - received.count)
          #expect(received == payload)
          try await sending.value
        }
      }
    }
  }

  /// While some readers pause, the others' bytes still arrive, even if the paused ones could fill the pool together.
  @Test(arguments: Backends.available)
  func pausedReadersStarveNobody(_ backend: Backend) async throws {
    try await withLoop(
      backend,
      configure: {
        $0.bufferCount = 128
        $0.bufferSize = 1024
      },
      { loop in
        let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
        var paused: [(TCPConnection, TCPConnection, Task<Void, any Error>)] = []
        for _ in 0..<32 {
          let accepting = start(on: loop) { try await listener.accept() }
          let client = try await TCPConnection.connect(to: listener.address, on: loop)
          let server = try await accepting.value
          let sending = start(on: loop) { try await client.send([UInt8](repeating: 1, count: 16 << 20)) }
          _ = try await server.receive()?.count
          paused.append((client, server, sending))
        }
        let failures = try await EchoTraffic(loop: loop, connections: 4, messages: 20).run()
        #expect(failures.isEmpty)
        for (client, server, sending) in paused {
          await server.close()
          await client.close()
          _ = await sending.result
        }
        await listener.close()
      }
    )
  }

  @Test(arguments: Backends.available)
  func chunksOutliveTheirConnectionAndMoveBetweenThreads(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("kept")
        guard let chunk = try await pair.server.receive() else { return }
        await pair.server.close()
        #expect(chunk.text == "kept" && loop.driver.buffers.held == 1)
        let box = ChunkBox(chunk)
        await Task.detached { box.drop() }.value
        try await eventually("given back") { loop.driver.buffers.held == 0 }
      }
    }
  }

  /// Waits until the loop has had many turns without a completion.
  private func standstill(_ loop: EventLoop) async throws {
    var completions = loop.driver.counters.completions
    var quiet = 0
    while quiet < 20 {
      try await loop.sleep(for: .milliseconds(2))
      quiet = loop.driver.counters.completions - completions <= 1 ? quiet + 1 : 0
      completions = loop.driver.counters.completions
    }
  }

  /// Carries a chunk to a thread of the stock pool.
  private final class ChunkBox: Sendable {
    private let chunk: Mutex<Chunk?>

    init(_ chunk: consuming Chunk) { self.chunk = Mutex(chunk) }

    func drop() { chunk.withLock { $0 = nil } }
  }
}
