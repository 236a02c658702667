// @unchecked: every member is touched on the loop's thread alone.
/// Traces the next connections that a listener accepts.
final class ListenerTrace: ListenerObserver, @unchecked Sendable {
  private let trace: HandoffTrace
  private let address: SocketAddress
  private let whenEnded: @Sendable () -> Void
  /// Connections still to be traced.
  private var remaining: Int
  /// Connections that are traced and not closed.
  private var open = 0
  private var hasEnded = false
  private var loop: EventLoop?
  /// Never fires; tells that the loop stops. A listener that has nothing in flight is not told.
  private var stop: TimerID?
  private var synQueue: Int?
  private var synQueueTime: UInt64 = 0

  /// Looking at the SYN queue takes long, so one look does for the connections of this many nanoseconds.
  private static let synQueueInterval: UInt64 = 10_000_000

  init(_ trace: HandoffTrace, _ count: Int, of address: SocketAddress, whenEnded: @escaping @Sendable () -> Void) {
    self.trace = trace
    self.address = address
    self.whenEnded = whenEnded
    remaining = count
  }

  func begin(on socket: ListenSocket) {
    let loop = socket.loop
    self.loop = loop
    stop = loop.setTimer(at: .max, .call { _ in self.loopStops(loop) })
    socket.observer = self
  }

  override func accepted(_ connection: StreamSocket, _ completion: Completion, by listener: ListenSocket) {
    guard remaining > 0 else { return }
    let reaped = MonotonicClock.now
    remaining -= 1
    open += 1
    lookAtSYNQueue(now: reaped)
    let connectionTrace = ConnectionTrace(trace) {
      self.open -= 1
      self.endIfDone()
    }
    connectionTrace.accepted(
      completion,
      reaped: reaped,
      acceptQueue: ListenerTrace.acceptQueue(of: listener),
      synQueue: synQueue,
      as: connection
    )
    if remaining == 0 { listener.observer = nil }
  }

  override func ended() {
    remaining = 0
    endIfDone()
  }

  private func endIfDone() {
    guard remaining == 0, open == 0, !hasEnded, let loop else { return }
    hasEnded = true
    if let stop { _ = loop.timers.remove(stop) }
    stop = nil
    // Not from here, which may be the middle of anything: a new trace that ends this one, for example.
    loop.performLater(whenEnded)
  }

  /// What is closed while the loop drains is still traced. What is open after that is closed unseen.
  private func loopStops(_ loop: EventLoop) {
    stop = nil
    loop.ending.whenEnded {
      guard !self.hasEnded else { return }
      self.hasEnded = true
      self.whenEnded()
    }
  }

  private func lookAtSYNQueue(now: UInt64) {
    guard now - synQueueTime >= ListenerTrace.synQueueInterval else { return }
    synQueue = try? SocketDiagnostics.synQueueLength(of: address)
    synQueueTime = MonotonicClock.now
  }

  private static func acceptQueue(of listener: ListenSocket) -> Int {
    let info = try? listener.ordinary.use { number throws(Errno) in try TCPInfo(of: number) }
    return Int(info?.fields.tcpi_unacked ?? 0)
  }
}
