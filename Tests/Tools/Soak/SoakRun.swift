import Glibc
import Gyre

/// One soak: an echo server, clients that do everything a client may do, and a row of samples.
struct SoakRun {
  let seconds: Int
  let connections: Int
  let seed: UInt64

  /// Growth that is noise: caches that fill once, the allocator's own.
  private static let toleratedKilobytes = 8 * 1024

  /// Runs the traffic. What grew or went wrong; empty if nothing did.
  func run() async throws -> [String] {
    let loop = EventLoop.current!
    let before = Sample(loop)
    let counts = Counts()
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    let end = ContinuousClock.now + .seconds(seconds)
    let warm = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.serve(SoakRun.echo) }
      for number in 0..<connections {
        let client = Client(
          loop: loop,
          address: listener.address,
          counts: counts,
          random: Random(seed: seed &+ UInt64(number))
        )
        group.addTask {
          var client = client
          while ContinuousClock.now < end { await client.live() }
        }
      }
      let warm = try await report(until: end, counts, on: loop)
      for _ in 0..<connections { try await group.next() }
      await listener.close()
      try await group.next()
      return warm
    }
    return verdict(before, warm, Sample(loop), counts.now)
  }

  /// Half of the servers use the loop's buffers, half their own memory.
  @Sendable
  private static func echo(_ connection: TCPConnection) async throws {
    if try await connection.remoteAddress.port % 2 == 0 {
      while let chunk = try await connection.receive() { try await connection.send(chunk) }
    } else {
      var memory = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = try await receive(from: connection, into: &memory)
        if count == 0 { return }
        try await connection.send(memory.span.bytes.extracting(0..<count))
      }
    }
  }

  private static func receive(from connection: TCPConnection, into memory: inout [UInt8]) async throws -> Int {
    var span = memory.mutableSpan
    var bytes = span.mutableBytes
    return try await connection.receive(into: &bytes)
  }

  /// Prints a row now and then; returns the sample at the end of the first fifth, when everything is warm.
  private func report(until end: ContinuousClock.Instant, _ counts: Counts, on loop: EventLoop) async throws -> Sample {
    print(Sample.header)
    let start = ContinuousClock.now
    let step = Duration.seconds(seconds) / 10
    var warm: Sample?
    for row in 1...10 {
      try await loop.sleep(until: start + step * row)
      let sample = Sample(loop)
      print(sample.row(Int((step * row).components.seconds), counts.now))
      fflush(nil)
      if row == 2 { warm = sample }
    }
    return warm!
  }

  private func verdict(_ before: Sample, _ warm: Sample, _ after: Sample, _ tally: Tally) -> [String] {
    var verdict = tally.failures
    if tally.wrong > 0 { verdict.append("\(tally.wrong) answers were wrong") }
    if tally.connects == 0 || tally.cancels == 0 { verdict.append("the traffic never connected or never cancelled") }
    if after.descriptors > before.descriptors {
      verdict.append("descriptors grew from \(before.descriptors) to \(after.descriptors)")
    }
    if after.residentKilobytes > warm.residentKilobytes + SoakRun.toleratedKilobytes {
      verdict.append("memory grew from \(warm.residentKilobytes) to \(after.residentKilobytes) KiB")
    }
    if after.statistics.operationsInFlight > 0 { verdict.append("operations are still in flight") }
    if after.statistics.buffersHeld > 0 { verdict.append("\(after.statistics.buffersHeld) buffers are still held") }
    if after.statistics.timers > 0 { verdict.append("\(after.statistics.timers) timers are still pending") }
    return verdict
  }
}
