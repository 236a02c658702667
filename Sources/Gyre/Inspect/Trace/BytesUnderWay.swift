/// Bytes that have left one place of a connection and have not come to the next one, in order.
struct BytesUnderWay {
  struct Part: Equatable {
    let start: UInt64
    /// 0 for the end of the stream.
    var count: Int
  }

  private var parts: [Part] = []

  /// Bytes that leave; an error takes none along.
  mutating func add(_ count: Int, at time: UInt64) {
    if count >= 0 { parts.append(Part(start: time, count: count)) }
  }

  /// Takes the first `count` bytes, or for 0 the end of the stream: when they left.
  mutating func take(_ count: Int) -> [Part] {
    if count == 0, parts.first?.count == 0 { return [parts.removeFirst()] }
    var taken: [Part] = []
    var left = count
    while left > 0, let first = parts.first, first.count > 0 {
      let part = Part(start: first.start, count: min(left, first.count))
      taken.append(part)
      left -= part.count
      if part.count == first.count { parts.removeFirst() } else { parts[0].count -= part.count }
    }
    return taken
  }
}
