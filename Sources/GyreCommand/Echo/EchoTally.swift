import Glibc
import Gyre
import Synchronization

/// What the echo server counts, which is nothing per request.
final class EchoTally: Sendable {
  private let connections = Atomic<UInt64>(0)
  private let failures = Atomic<UInt64>(0)

  func countConnection() { connections.add(1, ordering: .relaxed) }

  /// Counts a connection that an error ended.
  func countFailure() { failures.add(1, ordering: .relaxed) }

  /// The counts beside the loop's own and the processor time, as people read them.
  func text(_ loop: LoopStatistics) -> String {
    let time = EchoTally.processorTime()
    var table = TextTable(.left, .right)
    table.add("connections", Quantity.count(connections.load(ordering: .relaxed)))
    table.add("ended by an error", Quantity.count(failures.load(ordering: .relaxed)))
    table.add("turns of the loop", Quantity.count(loop.turns))
    table.add("jobs run", Quantity.count(loop.jobs))
    table.add("system calls that wait", Quantity.count(loop.waits))
    table.add("completions", Quantity.count(loop.completions))
    table.add("completion queue overflows", Quantity.count(loop.overflows))
    table.add("delayed submissions", Quantity.count(loop.delayedStarts))
    table.add("receives without a free buffer", Quantity.count(loop.exhaustions))
    table.add("processor time, user", "\(Quantity.decimal(time.user, places: 2)) s")
    table.add("processor time, system", "\(Quantity.decimal(time.system, places: 2)) s")
    return table.lines.joined(separator: "\n")
  }

  /// Seconds of processor time of the process so far. `getrusage(2)`
  private static func processorTime() -> (user: Double, system: Double) {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    let seconds = [usage.ru_utime, usage.ru_stime].map { Double($0.tv_sec) + Double($0.tv_usec) / 1e6 }
    return (seconds[0], seconds[1])
  }
}
