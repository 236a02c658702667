import Gyre

/// What a disturbance on a loop does to the latency of the other connections on it.
///
/// One loop serves echo and suffers the disturbance; another one, on a thread of its own, has fifty connections that send
/// 64 bytes every 10 ms each and measure the round trips. Quiet and disturbed runs alternate; the figure is the median of
/// the runs' p99.
@main
enum FairnessBench {
  static let rounds = 5
  static let seconds = 1.0

  static func main() async throws {
    for backend in [BackendChoice.uring, .epoll] {
      print("\(backend.rawValue): round trips of 50 connections at 100 a second each, beside …")
      for disturbance in Disturbance.allCases where disturbance != .nothing {
        let (quiet, disturbed) = try await compare(disturbance, backend)
        print(
          pad(disturbance.rawValue, 44),
          "p50",
          pad(microseconds(quiet.p50), 8),
          "→",
          pad(microseconds(disturbed.p50), 8),
          " p99",
          pad(microseconds(quiet.p99), 8),
          "→",
          microseconds(disturbed.p99)
        )
      }
    }
  }

  private static func compare(_ disturbance: Disturbance, _ backend: BackendChoice) async throws -> (Latency, Latency) {
    var quiet: [Latency] = []
    var disturbed: [Latency] = []
    for _ in 0..<rounds {
      quiet.append(try await Trial(backend: backend, disturbance: .nothing).run())
      disturbed.append(try await Trial(backend: backend, disturbance: disturbance).run())
    }
    return (Latency.median(of: quiet), Latency.median(of: disturbed))
  }

  private static func microseconds(_ nanoseconds: Int) -> String { "\(nanoseconds / 1000) µs" }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
