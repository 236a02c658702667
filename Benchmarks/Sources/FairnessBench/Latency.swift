/// Percentiles of round trips, in nanoseconds.
struct Latency: Sendable {
  let p50: Int
  let p99: Int

  init(p50: Int, p99: Int) {
    self.p50 = p50
    self.p99 = p99
  }

  init(_ samples: [Int]) {
    let sorted = samples.sorted()
    p50 = sorted[sorted.count / 2]
    p99 = sorted[sorted.count * 99 / 100]
  }

  static func median(of latencies: [Latency]) -> Latency {
    Latency(
      p50: latencies.map(\.p50).sorted()[latencies.count / 2],
      p99: latencies.map(\.p99).sorted()[latencies.count / 2]
    )
  }
}
