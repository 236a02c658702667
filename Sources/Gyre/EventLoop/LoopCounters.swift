/// What a loop has done since it began.
struct LoopCounters: Sendable {
  /// Turns of the loop.
  var turns: UInt64 = 0
  /// Jobs of tasks run.
  var jobs: UInt64 = 0
}
