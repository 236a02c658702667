import CHop
import Gyre

/// Two loops that send each other numbers over two channels.
struct LoopPair: Sendable {
  let group: EventLoopGroup

  /// Processor time of one wake where nothing else runs: each round trip wakes either loop once.
  func parkedWake(_ rounds: Int) async throws -> Double { try await roundTrip(rounds, inFlight: 1) / 2 }

  /// Processor time of one round trip while so many are under way.
  func roundTrip(_ rounds: Int, inFlight: Int) async throws -> Double {
    let start = chop_cpu_time()
    try await bounce(rounds, inFlight: inFlight)
    return Double(chop_cpu_time() - start) / Double(rounds)
  }

  private func bounce(_ rounds: Int, inFlight: Int) async throws {
    let (there, back) = (Channel<Int>(capacity: inFlight), Channel<Int>(capacity: inFlight))
    let echo = group.startTask(on: .loop(group.loops[1])) {
      while let number = try await there.receive() { try await back.send(number) }
    }
    try await group.startTask(on: .loop(group.loops[0])) {
      for number in 0..<inFlight { try await there.send(number) }
      for number in inFlight..<rounds {
        _ = try await back.receive()
        try await there.send(number)
      }
      for _ in 0..<inFlight { _ = try await back.receive() }
      there.finish()
    }.value
    try await echo.value
  }
}
