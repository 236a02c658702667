import CoreMetrics
import Gyre

/// The instruments for what the host's listeners drop, counted from the first look.
struct HostInstruments: Sendable {
  private var overflows: GrowingCounter
  private var drops: GrowingCounter
  private var synCookies: GrowingCounter
  private var synDrops: GrowingCounter

  init(_ first: HostDrops, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
    func counter(_ name: String, _ start: UInt64) -> GrowingCounter {
      GrowingCounter("gyre.host." + name, dimensions, factory, from: Int(clamping: start))
    }
    overflows = counter("accept_queue_overflows", first.acceptQueueOverflows)
    drops = counter("drops", first.drops)
    synCookies = counter("syn_cookies", first.synCookies)
    synDrops = counter("syn_drops", first.synDrops)
  }

  mutating func record(_ host: HostDrops) {
    overflows.note(Int(clamping: host.acceptQueueOverflows))
    drops.note(Int(clamping: host.drops))
    synCookies.note(Int(clamping: host.synCookies))
    synDrops.note(Int(clamping: host.synDrops))
  }

  func destroy() {
    for counter in [overflows, drops, synCookies, synDrops] { counter.destroy() }
  }
}
