import CoreMetrics
import Gyre

/// The instruments for connections' buffers: distributions over all that are recorded, since an instrument for each of
/// thousands of connections is more than any metrics system keeps.
struct ConnectionInstruments: Sendable {
  private let recorders: [(Recorder, @Sendable (ConnectionBuffers) -> Int?)]
  private let timers: [(Timer, @Sendable (ConnectionBuffers) -> Duration?)]

  init(_ dimensions: [(String, String)], _ factory: any MetricsFactory) {
    func recorder(
      _ name: String,
      _ value: @escaping @Sendable (ConnectionBuffers) -> Int?
    ) -> (Recorder, @Sendable (ConnectionBuffers) -> Int?) {
      (Recorder(label: "gyre.connection." + name, dimensions: dimensions, aggregate: true, factory: factory), value)
    }
    func timer(
      _ name: String,
      _ value: @escaping @Sendable (ConnectionBuffers) -> Duration?
    ) -> (Timer, @Sendable (ConnectionBuffers) -> Duration?) {
      (Timer(label: "gyre.connection." + name, dimensions: dimensions, factory: factory), value)
    }
    recorders = [
      recorder("receive_queue") { $0.receiveQueue },
      recorder("received") { $0.received },
      recorder("receive_window") { $0.receiveWindow },
      recorder("send_queue") { $0.sendQueue },
      recorder("unsent") { $0.unsent },
      recorder("unacknowledged") { $0.unacknowledged },
      recorder("send_window") { $0.sendWindow },
      recorder("congestion_window") { $0.congestionWindow },
      recorder("retransmissions") { $0.retransmissions },
    ]
    timers = [
      timer("round_trip_time") { $0.roundTripTime },
      timer("round_trip_variation") { $0.roundTripVariation },
      timer("delayed_acknowledgement") { $0.delayedAcknowledgement },
      timer("busy") { $0.busy },
      timer("stalled_by_receiver") { $0.stalledByReceiver },
      timer("stalled_by_send_buffer") { $0.stalledBySendBuffer },
    ]
  }

  func record(_ buffers: ConnectionBuffers) {
    for (recorder, value) in recorders {
      if let value = value(buffers) { recorder.record(value) }
    }
    for (timer, value) in timers {
      if let value = value(buffers) { timer.recordNanoseconds(Int64(value / .nanoseconds(1))) }
    }
  }

  func destroy() {
    for (recorder, _) in recorders { recorder.destroy() }
    for (timer, _) in timers { timer.destroy() }
  }
}
