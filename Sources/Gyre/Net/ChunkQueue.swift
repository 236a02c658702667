import DequeModule

/// The chunks that have arrived on a connection and that nobody has asked for yet, in order.
///
/// As a rule there is one at most, which is kept in place: a connection whose reader keeps up needs no memory for a queue.
struct ChunkQueue {
  private var first: PendingChunk?
  private var rest: Deque<PendingChunk> = []

  @inline(__always)
  var isEmpty: Bool { first == nil }

  @inline(__always)
  mutating func append(_ chunk: PendingChunk) {
    if first == nil { first = chunk } else { rest.append(chunk) }
  }

  @inline(__always)
  mutating func popFirst() -> PendingChunk? {
    guard let chunk = first else { return nil }
    first = rest.isEmpty ? nil : rest.removeFirst()
    return chunk
  }

  /// Puts back what is left of the chunk that was taken last.
  mutating func prepend(_ chunk: PendingChunk) {
    if let first { rest.prepend(first) }
    first = chunk
  }

  func map<Value>(_ transform: (PendingChunk) -> Value) -> [Value] {
    ([first].compactMap(\.self) + rest).map(transform)
  }
}
