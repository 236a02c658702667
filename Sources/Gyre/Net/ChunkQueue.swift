import DequeModule

/// The chunks that have arrived on a connection and that nobody has asked for yet, in order.
///
/// As a rule there is one at most, which is kept in place: a connection whose reader keeps up needs no memory for a queue.
struct ChunkQueue {
  private var first: PendingChunk?
  private var rest: Deque<PendingChunk> = []
  /// Whether `rest` has had many: its memory goes when they are gone.
  private var isLarge = false

  private static let few = 16

  @inline(__always)
  var isEmpty: Bool { first == nil }

  @inline(__always)
  mutating func append(_ chunk: PendingChunk) {
    if first == nil { return first = chunk }
    rest.append(chunk)
    if rest.count > ChunkQueue.few { isLarge = true }
  }

  @inline(__always)
  mutating func popFirst() -> PendingChunk? {
    guard let chunk = first else { return nil }
    first = rest.popFirst()
    if isLarge && rest.isEmpty { shrink() }
    return chunk
  }

  private mutating func shrink() {
    rest = []
    isLarge = false
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
