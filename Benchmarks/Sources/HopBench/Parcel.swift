import CHop

/// What goes there and back; it counts how often that changed the thread.
struct Parcel: Sendable {
  /// How often it has arrived, at either end, and how often on another thread than the time before.
  private(set) var arrivals = 0
  private(set) var changes = 0
  private var thread: UInt = 0

  mutating func arrive() {
    let current = chop_thread()
    if current != thread { changes += 1 }
    arrivals += 1
    thread = current
  }
}
