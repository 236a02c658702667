import CHop

/// Work that keeps two threads busy, in pieces of half a microsecond or so.
enum Work {
  /// Processor time of `body` while two tasks, which `start` starts, work all the time: all of it, less what as many pieces
  /// of work cost when nothing else runs.
  static func costBeside(
    _ start: (_ side: Int, _ isOver: Flag) -> Task<Int, Never>,
    _ body: () async throws -> Void
  ) async rethrows -> Double {
    let alone = await measure(start, pause)
    let beside = try await measure(start, body)
    return beside.cpu - alone.cpu / Double(alone.pieces) * Double(beside.pieces)
  }

  private static func measure(
    _ start: (_ side: Int, _ isOver: Flag) -> Task<Int, Never>,
    _ body: () async throws -> Void
  ) async rethrows -> (cpu: Double, pieces: Int) {
    let isOver = Flag()
    let begin = chop_cpu_time()
    let workers = (0..<2).map { start($0, isOver) }
    try await body()
    isOver.isSet = true
    var pieces = 0
    for worker in workers { pieces += await worker.value }
    return (Double(chop_cpu_time() - begin), pieces)
  }

  private static func pause() async { try? await ContinuousClock().sleep(for: .milliseconds(100)) }

  /// Works until it is told to stop, on the caller's actor or loop; returns the number of pieces.
  static nonisolated(nonsending) func run(until isOver: Flag) async -> Int {
    var pieces = 0
    while !isOver.isSet {
      piece()
      pieces += 1
      await Task.yield()
    }
    return pieces
  }

  private static func piece() {
    var value: UInt64 = 1
    for _ in 0..<500 { value = value &* 6_364_136_223_846_793_005 &+ 1 }
    if value == 0 { print("never") }
  }
}
