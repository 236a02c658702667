import Histogram

/// How long requests took, in nanoseconds.
struct LatencySummary: Sendable, Equatable {
  let p50: UInt64
  let p90: UInt64
  let p99: UInt64
  let p99_9: UInt64
  let max: UInt64
  let mean: UInt64

  init(_ histogram: Histogram<UInt64>) {
    p50 = histogram.valueAtPercentile(50)
    p90 = histogram.valueAtPercentile(90)
    p99 = histogram.valueAtPercentile(99)
    p99_9 = histogram.valueAtPercentile(99.9)
    max = histogram.max
    mean = UInt64(histogram.mean)
  }
}

extension LatencySummary: Encodable {
  private enum Key: String, CodingKey {
    case p50, p90, p99, p99_9, max, mean
  }

  /// In microseconds.
  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    let values: [(Key, UInt64)] = [
      (.p50, p50), (.p90, p90), (.p99, p99), (.p99_9, p99_9), (.max, max), (.mean, mean),
    ]
    for (key, nanoseconds) in values { try object.encode(Double(nanoseconds) / 1000, forKey: key) }
  }
}
