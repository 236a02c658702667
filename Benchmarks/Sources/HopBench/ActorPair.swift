import CHop

/// Two default actors on the stock pool, one of which calls the other.
struct ActorPair: Sendable {
  private actor Echo {
    private var sum = 0

    // Not inlined, or there would be no call left to measure.
    @inline(never)
    func answer(_ number: Int) -> Int {
      sum &+= number
      return sum
    }
  }

  private actor Caller {
    func call(_ echo: Echo, _ times: Int) async {
      for number in 0..<times { _ = await echo.answer(number) }
    }
  }

  private let caller = Caller()
  private let echo = Echo()

  /// Processor time of one round trip while so many are under way.
  func roundTrip(_ rounds: Int, inFlight: Int) async -> Double {
    let start = chop_cpu_time()
    await bounce(rounds, inFlight: inFlight)
    return Double(chop_cpu_time() - start) / Double(rounds)
  }

  private func bounce(_ rounds: Int, inFlight: Int) async {
    await withTaskGroup { group in
      for _ in 0..<inFlight { group.addTask { await caller.call(echo, rounds / inFlight) } }
    }
  }
}
