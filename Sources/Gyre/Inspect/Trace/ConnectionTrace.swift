import CLiburing
import Glibc

// @unchecked: the variables are touched on the loop's thread alone; `resumed` reads constants.
/// Records one connection's hand-offs.
final class ConnectionTrace: ConnectionObserver, @unchecked Sendable {
  private let trace: HandoffTrace
  private let number: UInt32
  private let whenEnded: () -> Void
  /// Bytes that the kernel took and of which no acknowledgement was seen.
  private var unacknowledged = 0
  private var lastReceived: UInt64 = 0
  private var lastLook: UInt64 = 0
  private var look: TimerID?
  private var lookDelay = ConnectionTrace.firstLook

  /// Nanoseconds after which the acknowledgement of sent bytes is looked for if nothing else happens on the connection;
  /// doubled each time up to the longest, since a peer that does not read may take for ever.
  private static let firstLook: UInt64 = 5_000_000
  private static let longestLook: UInt64 = 80_000_000
  /// On a busy connection, one look does for what was sent in this many nanoseconds: it is a system call.
  private static let lookInterval: UInt64 = 1_000_000

  /// The kernel's clock ticks every 1 to 10 ms: what it says is shorter than this means nothing.
  private static let tick: UInt64 = 10_000_000

  /// - Parameter whenEnded: called on the loop's thread when no more will be recorded.
  init(_ trace: HandoffTrace, whenEnded: @escaping () -> Void = {}) {
    self.trace = trace
    self.whenEnded = whenEnded
    number = UInt32(truncatingIfNeeded: trace.addConnection())
  }

  /// Has the connection's peer and what was sent looked at from now on, which takes an ordinary descriptor.
  ///
  /// - Parameter body: called once there is one.
  func begin(on socket: StreamSocket, _ body: @escaping (Int32) -> Void = { _ in }) {
    socket.observer = self
    socket.ensureOrdinary { result in
      guard result == 0 else { return }
      _ = try? socket.ordinary.use { descriptor in
        if let peer = socket.peer ?? (try? SystemSocket.remoteAddress(of: descriptor)) {
          self.trace.setPeer(peer, of: Int(self.number))
        }
        body(descriptor)
      }
    }
  }

  /// Records how the connection came in.
  func accepted(_ completion: Completion, reaped: UInt64, acceptQueue: Int, synQueue: Int?, as socket: StreamSocket) {
    let posted = completion.posted == 0 ? reaped : completion.posted
    record(.acceptPosted, 0, at: posted)
    record(.acceptReaped, 0, at: reaped)
    begin(on: socket) { descriptor in
      guard let info = try? TCPInfo(of: descriptor) else { return }
      // Nothing was heard of the peer since, so the handshake had been completed by then.
      let time = ConnectionTrace.moment(info.fields.tcpi_last_ack_recv, before: MonotonicClock.now, notAfter: posted)
      let synQueue = synQueue.map { Int32(clamping: $0) } ?? PackedEvent.unknown
      self.trace.record(PackedEvent(time, self.number, .queued, acceptQueue, synQueue: synQueue))
    }
  }

  // MARK: Hand-offs

  override func receiveArmed() { record(.receiveArmed, 0, at: MonotonicClock.now) }

  override func received(_ completion: Completion, on socket: StreamSocket) {
    let now = MonotonicClock.now
    let posted = completion.posted == 0 ? now : completion.posted
    let count = Int(completion.result)
    if unacknowledged > 0, now - lastLook >= ConnectionTrace.lookInterval { lookForAcknowledgement(socket, at: now) }
    let posting = PackedEvent(posted, number, .receivePosted, count)
    let reaping = PackedEvent(now, number, .receiveReaped, count)
    if count > 0 {
      let arrival = arrival(on: socket, now: now, posted: posted)
      trace.record(PackedEvent(arrival, number, .receiveQueue, count + leftInQueue(socket, count)), posting, reaping)
    } else {
      trace.record(posting, reaping)
    }
    lastReceived = now
  }

  override func sendSubmitted(_ count: Int) { record(.sendSubmitted, count, at: MonotonicClock.now) }

  override func sent(_ completion: Completion, on socket: StreamSocket) {
    let posted = completion.posted == 0 ? MonotonicClock.now : completion.posted
    record(.sendTaken, Int(completion.result), at: posted)
    guard completion.result > 0 else { return }
    unacknowledged += Int(completion.result)
    if look == nil { lookLater(socket) }
  }

  override func resumed(_ handoff: Handoff, _ result: Int) { record(handoff, result, at: MonotonicClock.now) }

  override func closing(_ socket: StreamSocket) {
    if unacknowledged > 0 { lookForAcknowledgement(socket, at: MonotonicClock.now) }
  }

  override func closed() { record(.closed, 0, at: MonotonicClock.now) }

  override func ended(on socket: StreamSocket) {
    if let look { _ = socket.loop.timers.remove(look) }
    look = nil
    whenEnded()
  }

  @inline(__always)
  private func record(_ handoff: Handoff, _ value: Int, at time: UInt64) {
    trace.record(PackedEvent(time, number, handoff, value))
  }

  // MARK: What only the kernel knows

  /// When the newest bytes came, as far as it is worth knowing: on a connection that has just received, they cannot have
  /// waited for long, and the kernel is not asked.
  private func arrival(on socket: StreamSocket, now: UInt64, posted: UInt64) -> UInt64 {
    guard now - lastReceived >= ConnectionTrace.tick else { return posted }
    let info = try? socket.ordinary.use { number throws(Errno) in try TCPInfo(of: number) }
    guard let info else { return posted }
    return ConnectionTrace.moment(info.fields.tcpi_last_data_recv, before: now, notAfter: posted)
  }

  private static func moment(_ milliseconds: UInt32, before now: UInt64, notAfter posted: UInt64) -> UInt64 {
    let nanoseconds = UInt64(milliseconds) * 1_000_000
    guard nanoseconds >= tick else { return posted }
    return min(posted, now - min(nanoseconds, now))
  }

  /// Bytes that a receive left in the receive queue. One that did not fill its buffer has emptied it.
  private func leftInQueue(_ socket: StreamSocket, _ count: Int) -> Int {
    if count < socket.loop.driver.buffers.size { return 0 }
    return length(ofQueue: UInt(GYRE_SIOCINQ), of: socket) ?? 0
  }

  private func lookForAcknowledgement(_ socket: StreamSocket, at time: UInt64) {
    lastLook = time
    guard let left = length(ofQueue: UInt(GYRE_SIOCOUTQ), of: socket), left < unacknowledged else { return }
    record(.acknowledged, unacknowledged - left, at: time)
    unacknowledged = left
    lookDelay = ConnectionTrace.firstLook
  }

  private func lookLater(_ socket: StreamSocket) {
    guard socket.phase == .open else { return }
    let fire = { (fired: Bool) in
      self.look = nil
      guard fired, self.unacknowledged > 0 else { return }
      self.lookDelay = min(self.lookDelay * 2, ConnectionTrace.longestLook)
      self.lookForAcknowledgement(socket, at: MonotonicClock.now)
      if self.unacknowledged > 0 { self.lookLater(socket) }
    }
    look = socket.loop.setTimer(at: MonotonicClock.now + lookDelay, .call(fire))
  }

  private func length(ofQueue request: UInt, of socket: StreamSocket) -> Int? {
    try? socket.ordinary.use { number throws(Errno) in try SystemSocket.queueLength(request, of: number) }
  }
}
