import CoreMetrics
import Gyre

/// The instruments for a loop's queues.
struct LoopInstruments: Sendable {
  private let gauges: [(Gauge, @Sendable (LoopQueues) -> Int)]
  private var overflows: GrowingCounter
  private var exhaustions: GrowingCounter
  private var turns: GrowingCounter
  private var jobs: GrowingCounter
  private var waits: GrowingCounter
  private var completions: GrowingCounter

  init(_ dimensions: [(String, String)], _ factory: any MetricsFactory) {
    func gauge(_ name: String, _ value: @escaping @Sendable (LoopQueues) -> Int) -> (
      Gauge, @Sendable (LoopQueues) -> Int
    ) {
      (Gauge(label: "gyre.loop." + name, dimensions: dimensions, factory: factory), value)
    }
    func counter(_ name: String) -> GrowingCounter { GrowingCounter("gyre.loop." + name, dimensions, factory) }
    gauges = [
      gauge("prepared") { $0.prepared },
      gauge("delayed") { $0.delayed },
      gauge("in_kernel") { $0.inKernel },
      gauge("multishots") { $0.multishots },
      gauge("completed") { $0.completed },
      gauge("buffers_free") { $0.buffersFree },
      gauge("buffers_held") { $0.buffersHeld },
      gauge("jobs_ready") { $0.jobsReady },
      gauge("inbox") { $0.inbox },
      gauge("timers") { $0.timers },
    ]
    overflows = counter("overflows")
    exhaustions = counter("buffer_exhaustions")
    turns = counter("turns")
    jobs = counter("jobs")
    waits = counter("waits")
    completions = counter("completions")
  }

  mutating func record(_ queues: LoopQueues, _ statistics: LoopStatistics) {
    for (gauge, value) in gauges { gauge.record(value(queues)) }
    overflows.note(queues.overflows)
    exhaustions.note(queues.bufferExhaustions)
    turns.note(Int(clamping: statistics.turns))
    jobs.note(Int(clamping: statistics.jobs))
    waits.note(Int(clamping: statistics.waits))
    completions.note(Int(clamping: statistics.completions))
  }

  func destroy() {
    for (gauge, _) in gauges { gauge.destroy() }
    for counter in [overflows, exhaustions, turns, jobs, waits, completions] { counter.destroy() }
  }
}
