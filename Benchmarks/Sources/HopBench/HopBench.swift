import Gyre

/// What it costs to go from one thread to another and back.
///
/// Two loops over two channels against two default actors on the stock pool, and against two C threads with an eventfd each.
/// The figure is processor time of the whole process for one wake, or for one round trip; the variants alternate, and the
/// ratio is the median of the rounds' ratios. A call of a default actor that nobody else
/// uses runs on the caller's thread, as a function: that comparison is with no hop at all. `hop-bench [ROUNDS]`
@main
enum HopBench {
  static func main() async throws {
    let rounds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 7
    for backend in [BackendChoice.uring, .epoll] {
      var configuration = EventLoop.Configuration(backend: backend)
      configuration.name = "hop"
      let group = try EventLoopGroup.start(loops: 2, configuration: configuration)
      let loops = LoopPair(group: group)
      print("\(backend.rawValue), processor time, median of \(rounds) rounds")
      try await compare("a wake of a parked thread", rounds, "loops") {
        try await loops.parkedWake(20_000)
      } with: {
        ("eventfd in C", { eventfdWake(20_000) })
      }
      try await compare("a round trip, 64 in flight", rounds, "loops") {
        try await loops.roundTrip(200_000, inFlight: 64)
      } with: {
        ("actors, which are then called like functions", { await ActorPair().roundTrip(200_000, inFlight: 64) })
      }
      await group.shutdown()
    }
  }

  private static func compare(
    _ title: String,
    _ rounds: Int,
    _ name: String,
    _ measure: @Sendable () async throws -> Double,
    with other: @Sendable () -> (name: String, measure: @Sendable () async throws -> Double)
  ) async throws {
    let (otherName, otherMeasure) = other()
    var (own, others, ratios): ([Double], [Double], [Double]) = ([], [], [])
    for _ in 0..<rounds {
      own.append(try await measure())
      others.append(try await otherMeasure())
      ratios.append(own.last! / others.last!)
    }
    print(
      "  \(title): \(name) \(Int(median(own))) ns, \(otherName) \(Int(median(others))) ns, "
        + "ratio \((median(ratios) * 100).rounded() / 100)"
    )
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
