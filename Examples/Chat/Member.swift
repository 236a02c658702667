/// Somebody in the room.
struct Member {
  var outbox = Outbox()
  /// The member's writer, where it waits for something to send.
  var writer: CheckedContinuation<Void, Never>?

  /// Puts a line into the outbox, and wakes the writer if it waits.
  mutating func tell(_ line: String) {
    outbox.add(line)
    wakeWriter()
  }

  mutating func wakeWriter() {
    writer?.resume()
    writer = nil
  }
}
