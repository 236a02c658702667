/// An event as the ring holds it, in 32 bytes.
struct PackedEvent: Sendable {
  let time: UInt64
  let value: Int
  let connection: UInt32
  let synQueue: Int32
  let handoff: Handoff

  /// For a SYN queue that nobody looked at.
  static let unknown: Int32 = -1

  @inline(__always)
  init(_ time: UInt64, _ connection: UInt32, _ handoff: Handoff, _ value: Int, synQueue: Int32 = unknown) {
    self.time = time
    self.connection = connection
    self.handoff = handoff
    self.value = value
    self.synQueue = synQueue
  }

  var event: HandoffTrace.Event {
    HandoffTrace.Event(
      time,
      Int(connection),
      handoff,
      value,
      synQueue: synQueue == PackedEvent.unknown ? nil : Int(synQueue)
    )
  }
}
