/// The requests of one connection: what may go out, what has to come back, and when each was begun.
///
/// Requests follow each other without a gap: the n-th is bytes n × size to (n + 1) × size of the stream.
struct RequestStream {
  /// Bytes that may be under way: what fits into the kernel's buffers between two programs, whatever they are set to.
  /// With more, both sides could wait for each other to read.
  static let window = 65_536

  private let size: Int
  private let depth: Int
  /// Bytes sent, from the beginning.
  private(set) var sent: Int
  /// Bytes that came back, from the beginning.
  private(set) var received: Int
  private var begun: Int
  private var answered: Int
  /// When the requests under way were begun, each at its number modulo the depth.
  private var beginnings: [UInt64]

  /// - Parameter first: the number of the first request, which differs per connection: bytes that are another
  ///   connection's are then noticed.
  init(size: Int, depth: Int, first: Int) {
    self.size = size
    self.depth = depth
    (begun, answered) = (first, first)
    (sent, received) = (first * size, first * size)
    beginnings = Array(repeating: 0, count: depth)
  }

  /// Bytes that are still to come back.
  var owed: Int { sent - received }

  /// Requests that have been begun and not answered.
  var unanswered: Int { begun - answered }

  /// Bytes that may go out now; those of requests that have been begun only, where no new one is `wanted`.
  func sendable(wanted: Bool) -> Int {
    let goal = (wanted ? answered + depth : begun) * size
    return min(goal - sent, RequestStream.window - owed)
  }

  /// Notes that bytes are about to go out.
  mutating func send(_ count: Int, now: UInt64) {
    sent += count
    while begun * size < sent {
      beginnings[begun % depth] = now
      begun += 1
    }
  }

  /// Notes bytes that came back, and hands the time of every request that they complete to `body`.
  mutating func receive(_ count: Int, now: UInt64, _ body: (_ nanoseconds: UInt64) -> Void) {
    received += count
    while (answered + 1) * size <= received {
      body(now - beginnings[answered % depth])
      answered += 1
    }
  }
}
