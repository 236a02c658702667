import Glibc
import Testing

@testable import Gyre

/// Long streams, half-closed ones, and the order of what several tasks ask for.
@Suite(.serialized)
struct StreamTests {
  /// Bytes whose period is a prime, so that no buffer's size hides a moved one.
  private static func payload(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    let block = (0..<65_521).map { _ in UInt8.random(in: 0...255, using: &random) }
    return [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
      for start in stride(from: 0, to: count, by: block.count) {
        memcpy(memory.baseAddress! + start, block, min(block.count, count - start))
      }
      initialized = count
    }
  }

  private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && memcmp(left, right, left.count) == 0
  }

  /// 64 MiB each way at once: one side receives chunks, the other into its own memory.
  @Test(arguments: Backends.available)
  func sixtyFourMebibytesCrossSixtyFour(_ backend: Backend) async throws {
    let size = 64 << 20
    let (there, back) = (StreamTests.payload(size, seed: 1), StreamTests.payload(size, seed: 2))
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let senders = [
          start(on: loop) { try await client.send(there) }, start(on: loop) { try await server.send(back) },
        ]
        let intoMemory = start(on: loop) {
          var received = [UInt8](repeating: 0, count: size)
          var count = 0
          while count < size { count += try await StreamTests.receive(from: client, into: &received, at: count) }
          return received
        }
        #expect(StreamTests.areEqual(try await server.receive(exactly: size), there))
        #expect(StreamTests.areEqual(try await intoMemory.value, back))
        for sender in senders { try await sender.value }
      }
    }
  }

  /// A stream that fills its buffers is received in pieces of several, on kernels that can; a chunk is one buffer all the same.
  @Test(.needsReceiveBundles, arguments: Backends.available)
  func aStreamIsReceivedInBundles(_ backend: Backend) async throws {
    let payload = StreamTests.payload(16 << 20, seed: 7)
    try await withLoop(backend, configure: { $0 = .init(backend: backend.choice) }) { loop in
      try await Pair.with(loop) { pair in
        let client = pair.client
        let before = loop.driver.counters.completions
        let sending = start(on: loop) { try await client.send(payload) }
        var received: [UInt8] = []
        while received.count < payload.count, let chunk = try await pair.server.receive() {
          #expect(chunk.count <= loop.configuration.bufferSize)
          received += chunk.copy()
        }
        #expect(StreamTests.areEqual(received, payload))
        try await sending.value
        let completions = Int(loop.driver.counters.completions - before)
        if backend == .uring { #expect(completions < payload.count / loop.configuration.bufferSize / 2) }
      }
    }
  }

  private static func receive(from connection: TCPConnection, into memory: inout [UInt8], at offset: Int) async throws
    -> Int
  {
    var whole = memory.mutableSpan
    var rest = whole._mutatingExtracting(offset...)
    var bytes = rest.mutableBytes
    let count = try await connection.receive(into: &bytes)
    // The end of the stream would make the caller ask for ever.
    return try #require(count > 0 ? count : nil)
  }

  @Test(arguments: Backends.available)
  func aShutdownGoesOutAfterTheSendsBeforeIt(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, size) = (pair.client, 8 << 20)
        let payload = StreamTests.payload(size, seed: 3)
        let first = start(on: loop) { try await client.send(payload) }
        let second = start(on: loop) { try await client.send("after it") }
        let shutting = start(on: loop) { try await client.shutdown(.send) }
        let late = start(on: loop) { try await client.send("too late") }
        let received = try await pair.server.receive(exactly: size + 100)
        #expect(StreamTests.areEqual(received, payload + Array("after it".utf8)))
        for task in [first, second, shutting] { try await task.value }
        #expect(await socketErrno { try await late.value } == .brokenPipe)
      }
    }
  }

  @Test(arguments: Backends.available)
  func eachDirectionEndsByItself(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        // The peer of a direction ended by its receiver is not told: it can still send.
        try await pair.server.shutdown(.receive)
        let isEnd = try await pair.server.receive() == nil
        #expect(isEnd)
        try await pair.client.send("unheard")
        try await pair.server.send("heard")
        #expect(try await pair.client.receive(exactly: 5).count == 5)
      }
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let receiving = start(on: loop) { try await server.receive()?.copy() }
        try await eventually("armed") { loop.driver.operations.inFlight >= 2 }
        try await server.shutdown(.both)
        #expect(try await receiving.value == nil)
        #expect(await socketErrno { try await server.send("x") } == .brokenPipe)
        #expect(try await client.receiveIntoMemory(of: 4).isEmpty)
      }
    }
  }

  /// The kernel tells of an error once; the connection remembers it.
  @Test(arguments: Backends.available)
  func aResetIsNoEndOfTheStreamInEitherForm(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let server = pair.server
        let receiving = start(on: loop) { try await server.receiveIntoMemory(of: 4) }
        try await eventually("armed") { loop.driver.operations.inFlight >= 2 }
        try await pair.resetClient()
        #expect(await socketErrno { _ = try await receiving.value } == .connectionReset)
        #expect(await socketErrno { _ = try await server.receiveIntoMemory(of: 4) } == .connectionReset)
        #expect(await socketErrno { _ = try await server.receive()?.copy() } == .connectionReset)
      }
    }
  }

  /// Bytes that have arrived are copied without suspending; taking them one by one must not keep the loop.
  @Test(arguments: Backends.available)
  func smallReceivesLeaveTheLoopToOthers(_ backend: Backend) async throws {
    try await withLoop(backend, configure: { $0.bufferCount = 8192 }) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let sending = start(on: loop) { try await client.send([UInt8](repeating: 1, count: 4 << 20)) }
        // From now on bytes arrive unasked.
        _ = try await server.receive()?.count
        try await eventually("a stock of bytes") {
          loop.driver.buffers.held > loop.configuration.buffersPerConnection / 2
        }
        var most = 0
        for _ in 0..<20 {
          let turns = loop.counters.turns
          var count = 0
          while loop.counters.turns == turns && count < 50_000 {
            count += try await server.receiveIntoMemory(of: 1).count
          }
          most = max(most, count)
        }
        // A turn gives out 1,024 answers, and then a job for each of those that a turn may run.
        #expect(most <= 1024 + loop.configuration.jobsPerTurn)
        sending.cancel()
        _ = await sending.result
      }
    }
  }

  /// Chunks that end on other threads while more arrive.
  @Test(arguments: Backends.available)
  func chunksEndOnManyThreadsWhileMoreArrive(_ backend: Backend) async throws {
    let size = 4 << 20
    let payload = StreamTests.payload(size, seed: 4)
    try await withLoop(
      backend,
      configure: {
        $0.bufferSize = 1024
        $0.bufferCount = 64
      },
      { loop in
        try await Pair.with(loop) { pair in
          let (client, server) = (pair.client, pair.server)
          let sending = start(on: loop) { try await client.send(payload) }
          var (count, areRight) = (0, true)
          while count < size, let chunk = try await server.receive() {
            let (start, length) = (count, chunk.count)
            count += length
            let box = ChunkBox(chunk)
            let isRight = Shared(false)
            let check = Task.detached {
              let bytes = box.take()?.copy() ?? []
              isRight.update { $0 = StreamTests.areEqual(bytes, Array(payload[start..<(start + length)])) }
            }
            // Every eighth is waited for: the others overlap with what comes next.
            if count / 1024 % 8 == 0 {
              await check.value
              areRight = areRight && isRight.value
            }
          }
          #expect(count == size && areRight)
          try await sending.value
          try await eventually("all given back") { loop.driver.buffers.held == 0 && loop.driver.buffers.allocated == 0 }
        }
      }
    )
  }
}
