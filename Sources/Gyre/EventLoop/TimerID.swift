/// Names a pending timer; its generation keeps a late cancel from touching a newer timer in the same slot.
struct TimerID: Equatable, Sendable {
  let slot: UInt32
  let generation: UInt32
}
