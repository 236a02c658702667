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

    func work(until isOver: Flag) async -> Int { await Work.run(until: isOver) }
  }

  private actor Caller {
    func call(_ echo: Echo, _ times: Int) async {
      for number in 0..<times { _ = await echo.answer(number) }
    }

    func work(until isOver: Flag) async -> Int { await Work.run(until: isOver) }
  }

  private let caller = Caller()
  private let echo = Echo()

  /// Processor time of one round trip while so many are under way.
  func roundTrip(_ rounds: Int, inFlight: Int) async -> Double {
    let start = chop_cpu_time()
    await bounce(rounds, inFlight: inFlight)
    return Double(chop_cpu_time() - start) / Double(rounds)
  }

  /// The same while both actors have other work all the time, less the processor time of that work.
  func roundTripBesideWork(_ rounds: Int, inFlight: Int) async -> Double {
    await Work.costBeside { side, isOver in
      Task { side == 0 ? await caller.work(until: isOver) : await echo.work(until: isOver) }
    } _: {
      await bounce(rounds, inFlight: inFlight)
    } / Double(rounds)
  }

  private func bounce(_ rounds: Int, inFlight: Int) async {
    await withTaskGroup { group in
      for _ in 0..<inFlight { group.addTask { await caller.call(echo, rounds / inFlight) } }
    }
  }
}
