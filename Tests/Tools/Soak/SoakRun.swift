import Glibc
import Gyre

/// One soak: an echo server, clients and bystanders that do everything one may do, and a row of samples.
struct SoakRun {
  let seconds: Int
  let connections: Int
  let seed: UInt64

  /// Growth that is noise: caches that fill once, the allocator's own.
  private static let toleratedKilobytes = 8 * 1024

  /// Beside the clients.
  private static let bystanders = 8

  /// Runs the traffic. What grew or went wrong; empty if nothing did.
  func run() async throws -> [String] {
    let loop = EventLoop.current!
    // Threads, and what they keep open, are there before anything is counted.
    try await blocking {}
    let before = Sample(loop)
    let counts = Counts()
    let warm = try await runTraffic(counts, on: loop, .start(loop.configuration))
    return verdict(before, warm, await Sample.settled(loop, to: before), counts.now)
  }

  /// Returns when everything has ended, with what there was when it was warm.
  private func runTraffic(_ counts: Counts, on loop: EventLoop, _ other: EventLoop) async throws -> Sample {
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    let end = ContinuousClock.now + .seconds(seconds)
    let channel = Channel<Int>(capacity: 4)
    let warm = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.serve(EchoServer(other: other).serve) }
      for number in 0..<SoakRun.bystanders {
        let bystander = Bystander(
          loop: loop,
          other: other,
          address: listener.address,
          channel: channel,
          counts: counts,
          random: Random(seed: seed &* 31 &+ UInt64(number))
        )
        group.addTask {
          var bystander = bystander
          while ContinuousClock.now < end { await bystander.act() }
        }
      }
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
      for _ in 0..<(connections + SoakRun.bystanders) { try await group.next() }
      await listener.close()
      try await group.next()
      return warm
    }
    await other.shutdown()
    return warm
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
    if tally.connects == 0 || tally.cancels == 0 || tally.others == 0 {
      verdict.append("the traffic never connected, never cancelled or had nobody beside it")
    }
    if after.descriptors > before.descriptors {
      verdict.append("descriptors grew from \(before.descriptors) to \(after.descriptors)")
    }
    if after.residentKilobytes > warm.residentKilobytes + SoakRun.toleratedKilobytes {
      verdict.append("memory grew from \(warm.residentKilobytes) to \(after.residentKilobytes) KiB")
    }
    if after.inFlight > before.inFlight { verdict.append("operations are still in flight") }
    if after.statistics.buffersHeld > 0 { verdict.append("\(after.statistics.buffersHeld) buffers are still held") }
    if after.statistics.timers > 0 { verdict.append("\(after.statistics.timers) timers are still pending") }
    return verdict
  }
}
