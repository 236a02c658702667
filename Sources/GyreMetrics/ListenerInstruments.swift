import CoreMetrics
import Gyre

/// The instruments for a listener's queues.
struct ListenerInstruments: Sendable {
  let listener: TCPListener
  private let acceptQueue: Gauge
  private let acceptQueueLimit: Gauge
  private let accepted: Gauge
  private let synQueue: Gauge?
  private var drops: GrowingCounter

  init(_ listener: TCPListener, withSYNQueue: Bool, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
    self.listener = listener
    let dimensions = dimensions + [("address", "\(listener.address)")]
    func gauge(_ name: String) -> Gauge {
      Gauge(label: "gyre.listener." + name, dimensions: dimensions, factory: factory)
    }
    acceptQueue = gauge("accept_queue")
    acceptQueueLimit = gauge("accept_queue_limit")
    accepted = gauge("accepted")
    synQueue = withSYNQueue ? gauge("syn_queue") : nil
    drops = GrowingCounter("gyre.listener.drops", dimensions, factory)
  }

  /// - Returns: how many packets were dropped since the last time.
  mutating func record(_ queues: ListenerQueues) -> Int {
    acceptQueue.record(queues.acceptQueue)
    acceptQueueLimit.record(queues.acceptQueueLimit)
    accepted.record(queues.accepted)
    if let length = queues.synQueue { synQueue?.record(length) }
    return queues.drops.map { drops.note($0) } ?? 0
  }

  func destroy() {
    for gauge in [acceptQueue, acceptQueueLimit, accepted, synQueue] { gauge?.destroy() }
    drops.destroy()
  }
}
