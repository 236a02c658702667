import Testing

@testable import Gyre

/// Queues of one to four entries: a full queue delays, and an overflowing one loses nothing.
@Suite(.serialized)
struct SmallQueueTests {
  @Test(arguments: Backends.available, [(1, 4, 1), (2, 4, 2), (4, 4, 2)])
  func fullQueuesLoseNothing(_ backend: Backend, _ sizes: (UInt32, UInt32, Int)) async throws {
    let queues = TinyQueues(submissions: sizes.0, completions: sizes.1, buffers: sizes.2)
    let counters = try await withLoop(backend, configure: { queues.apply(to: &$0) }) { loop in
      let failures = try await EchoTraffic(loop: loop, connections: 32, messages: 20).run()
      #expect(failures.isEmpty)
      return loop.driver.counters
    }
    if backend == .uring {
      #expect(counters.overflows > 0, "the completion queue never overflowed")
    }
  }

  /// The kernel ends multishots when completions overflow; accepting and receiving go on all the same.
  @Test(arguments: Backends.available)
  func multishotsAreArmedAgainAfterAnOverflow(_ backend: Backend) async throws {
    let queues = TinyQueues(submissions: 4, completions: 4, buffers: 64)
    try await withLoop(backend, configure: { queues.apply(to: &$0) }) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<64 { clients.append(try await .connect(to: listener.address, on: loop)) }
      var servers: [TCPConnection] = []
      for _ in 0..<64 { servers.append(try await listener.accept()) }
      for round in 0..<10 {
        for client in clients { try await client.send(ByteSequence.bytes((round * 100)..<(round * 100 + 100))) }
        for server in servers {
          #expect(try await server.receive(exactly: 100) == ByteSequence.bytes((round * 100)..<(round * 100 + 100)))
        }
      }
      for connection in clients + servers { await connection.close() }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func sizesAboveTheKernelsLimitsAreClamped(_ backend: Backend) async throws {
    // Larger than the kernel's limits: it clamps, and the loop works.
    try await withLoop(backend, configure: { $0.ring = Ring.Size(submissions: 1 << 20, completions: 1 << 20) }) {
      loop in
      let failures = try await EchoTraffic(loop: loop, connections: 2, messages: 5).run()
      #expect(failures.isEmpty)
    }
  }
}
