import CoreMetrics
import Logging
import MetricsTestKit
import Testing

@testable import Gyre
@testable import GyreMetrics

/// The instruments, as a metrics system sees them.
@Suite(.serialized)
struct InspectMetricsTests {
  @Test(arguments: Backends.available)
  func aSampleHoldsWhatTheValuesSay(_ backend: Backend) async throws {
    let system = TestMetrics()
    try await withLoop(backend) { loop in
      var options = TCPListener.Options()
      options.backlog = 5
      let listener = try TCPListener.bind(to: .loopback(port: 0), options: options, on: loop)
      let metrics = LoopMetrics(loop, listeners: [listener], extras: .all, factory: system)
      let clients = [
        try await TCPConnection.connect(to: listener.address, on: loop),
        try await TCPConnection.connect(to: listener.address, on: loop),
      ]
      try await metrics.record()
      let dimensions = [("loop", "gyre"), ("backend", backend.rawValue)]
      let own = dimensions + [("address", "\(listener.address)")]
      for (name, value) in [("accept_queue", 2.0), ("accept_queue_limit", 5), ("accepted", 0), ("syn_queue", 0)] {
        #expect(try system.expectGauge("gyre.listener." + name, own).lastValue == value)
      }
      #expect(try system.expectGauge("gyre.loop.timers", dimensions).lastValue == 0)
      #expect(
        try system.expectGauge("gyre.loop.buffers_free", dimensions).lastValue
          == Double(loop.configuration.bufferCount)
      )
      let turns = try system.expectCounter("gyre.loop.turns", dimensions)
      let before = turns.totalValue
      #expect(before > 0)
      try await loop.sleep(for: .milliseconds(1))
      try await metrics.record()
      #expect(turns.totalValue > before, "a counter goes on from sample to sample")
      #expect(turns.totalValue <= Int64(loop.currentStatistics.turns), "and counts nothing twice")
      #expect(try system.expectCounter("gyre.host.drops", dimensions).totalValue >= 0)
      for client in clients { await client.close() }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available, Descriptors.available)
  func connectionsAreDistributions(_ backend: Backend, _ descriptors: Descriptors) async throws {
    let system = TestMetrics()
    try await withLoop(backend, configure: { descriptors.apply(to: &$0) }) { loop in
      let metrics = LoopMetrics(loop, dimensions: [("server", "test")], factory: system)
      try await Pair.with(loop) { pair in
        try await pair.client.send([UInt8](repeating: 1, count: 300))
        try await until("arrived") { try await pair.server.buffers.receiveQueue == 300 }
        try await metrics.record(pair.server)
        try await metrics.record(pair.client)
      }
      let dimensions = [("loop", "gyre"), ("backend", backend.rawValue), ("server", "test")]
      #expect(try system.expectRecorder("gyre.connection.receive_queue", dimensions).values == [300, 0])
      #expect(try system.expectTimer("gyre.connection.round_trip_time", dimensions).values.count == 2)
    }
  }

  @Test(arguments: Backends.available)
  func runningEndsWithTheTaskOrTheLoopAndSkipsClosedListeners(_ backend: Backend) async throws {
    let system = TestMetrics()
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let metrics = LoopMetrics(loop, listeners: [listener], factory: system)
      let running = start(on: loop) { try await metrics.run(every: .milliseconds(1)) }
      let dimensions = [("loop", "gyre"), ("backend", backend.rawValue)]
      try await eventually("a sample") {
        (try? system.expectCounter("gyre.loop.turns", dimensions).totalValue) ?? 0 > 0
      }
      await listener.close()
      let turns = try system.expectCounter("gyre.loop.turns", dimensions)
      let before = turns.values.count
      try await eventually("more samples") { turns.values.count > before + 1 }
      running.cancel()
      await #expect(throws: CancellationError.self) { try await running.value }
    }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let metrics = LoopMetrics(loop, factory: system)
    await loop.shutdown()
    await #expect(throws: CancellationError.self) { try await metrics.run() }
  }

  /// Every value of the loop's and the listener's queues has an instrument of its name.
  @Test func everyValueHasAnInstrument() async throws {
    let system = TestMetrics()
    try await withLoop(.epoll) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let metrics = LoopMetrics(loop, listeners: [listener], extras: .all, factory: system)
      try await metrics.record()
      try await Pair.with(loop) { pair in
        try await metrics.record(pair.client)
        let buffers = try await pair.client.buffers
        let names = Set(system.recorders.map(\.label) + system.timers.map(\.label))
        // Limits and constants are no distributions.
        let left = InspectMetricsTests.names(of: buffers, "connection").subtracting(names)
        #expect(
          left == [
            "gyre.connection.receive_buffer_size", "gyre.connection.send_buffer_size", "gyre.connection.segment_size",
          ]
        )
      }
      let names = Set(system.recorders.map(\.label) + system.counters.map(\.label))
      var queues = try listener.queues
      #expect(InspectMetricsTests.names(of: queues, "listener").subtracting(["gyre.listener.host"]).isSubset(of: names))
      queues = try listener.queues(including: .host)
      let host = try #require(queues.host)
      #expect(InspectMetricsTests.names(of: host, "host").isSubset(of: names))
      let missing = InspectMetricsTests.names(of: loop.currentQueues, "loop").subtracting(names)
      #expect(missing == ["gyre.loop.submission_queue_size", "gyre.loop.completion_queue_size"])
      await listener.close()
    }
  }

  /// The names that a value's properties have as instruments.
  private static func names(of value: Any, _ prefix: String) -> Set<String> {
    Set(
      Mirror(reflecting: value).children.compactMap(\.label).map { label in
        let words = label.reduce(into: "") { text, letter in
          let startsWord = letter.isUppercase && !(text.last?.isUppercase ?? true)
          text += startsWord ? "_\(letter)" : "\(letter)"
        }
        return "gyre.\(prefix).\(words.lowercased())"
      }
    )
  }
}
