import Gyre
import Measuring

/// One thing that is measured, in a process of its own.
enum Measurement: String, CaseIterable {
  /// Two loops, a task on each, and a channel each way.
  case channel
  /// Two actors that live on loops; each parcel is a task that calls from one to the other.
  case loopActors = "loop-actors"
  /// The same with two default actors, on the stock pool.
  case actors
  /// Two tasks on the stock pool, and an `AsyncStream` each way. Nothing keeps it busy.
  case stream
  /// Two loops, one on each core, that wake each other by turns.
  case wake
  /// Two threads in C, placed alike, that wake each other with `eventfd(2)`.
  case wakeInC = "wake-c"

  func run(_ options: HopOptions) async throws -> Figures {
    switch self {
    case .channel:
      return try await withLoops(options) { group in
        try await Hops(options, fill: fill(group)).measure { try await LoopPair(group: group).carry($0, trips: $1) }
      }
    case .loopActors:
      return try await withLoops(options) { group in
        let ends = group.loops.map(LoopEnd.init)
        return try await Hops(options, fill: fill(group)).measure { await ends[0].carry($0, to: ends[1], trips: $1) }
      }
    case .actors:
      let ends = [DefaultEnd(), DefaultEnd()]
      return try await Hops(options, fill: fill(ends)).measure { await ends[0].carry($0, to: ends[1], trips: $1) }
    case .stream: return try await Hops(options, fill: { _ in }).measure { await StreamPair().carry($0, trips: $1) }
    case .wake: return try await withLoops(options, pinning: .each) { try await Wakes.measure(options.trips, $0) }
    case .wakeInC: return Wakes.measureInC(options.trips)
    }
  }

  private func fill(_ group: EventLoopGroup) -> @Sendable (Filler) -> Void {
    { filler in
      for loop in group.loops {
        for _ in 0..<Filler.tasksAtEachEnd { group.startTask(on: .loop(loop)) { await filler.run(isolation: nil) } }
      }
    }
  }

  private func fill(_ ends: [DefaultEnd]) -> @Sendable (Filler) -> Void {
    { filler in
      for end in ends {
        for _ in 0..<Filler.tasksAtEachEnd { Task { await end.fill(filler) } }
      }
    }
  }

  private func withLoops(
    _ options: HopOptions,
    pinning: EventLoopGroup.Pinning = .none,
    _ body: (EventLoopGroup) async throws -> Figures
  ) async throws -> Figures {
    var configuration = EventLoop.Configuration(backend: options.backend)
    configuration.name = "hop"
    return try await EventLoopGroup.withLoops(2, configuration: configuration, pinning: pinning, body)
  }
}
