/// The newest elements of a sequence, up to a fixed number.
struct TraceRing<Element: Sendable>: Sendable {
  private let capacity: Int
  private var storage: [Element] = []
  private var next = 0
  /// Elements that made room for newer ones.
  private(set) var lost = 0

  init(capacity: Int) {
    self.capacity = capacity
    // Reserved at once, so that recording never allocates; memory that is not used is not touched.
    storage.reserveCapacity(capacity)
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    guard storage.count == capacity else { return storage.append(element) }
    storage[next] = element
    next = next + 1 == capacity ? 0 : next + 1
    lost += 1
  }

  /// The elements, the oldest first.
  var elements: [Element] { Array(storage[next...] + storage[..<next]) }
}
