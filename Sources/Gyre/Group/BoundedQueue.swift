// @unchecked: it owns its memory alone, as an array does.
/// A queue in one block of memory made for its capacity, first in first out. Its elements may be not copyable.
@usableFromInline
struct BoundedQueue<Element: ~Copyable & Sendable>: ~Copyable, @unchecked Sendable {
  @usableFromInline let capacity: Int
  @usableFromInline var count = 0
  @usableFromInline var head = 0
  // Freed in `deinit`; the `count` places from `head` on hold elements.
  @usableFromInline let places: UnsafeMutablePointer<Element>

  @inlinable init(capacity: Int) {
    self.capacity = capacity
    places = .allocate(capacity: capacity)
  }

  @inlinable deinit {
    for offset in 0..<count { (places + place(offset)).deinitialize(count: 1) }
    places.deallocate()
  }

  /// There must be room.
  @inlinable mutating func append(_ element: consuming Element) {
    precondition(count < capacity, "checked by the channel")
    (places + place(count)).initialize(to: element)
    count += 1
  }

  /// There must be an element.
  @inlinable mutating func removeFirst() -> Element {
    precondition(count > 0, "checked by the channel")
    let first = places + head
    head = place(1)
    count -= 1
    return first.move()
  }

  /// The place so many after the first element. A comparison, since the remainder of a division takes as long as all else here.
  @inlinable func place(_ offset: Int) -> Int {
    let place = head + offset
    return place < capacity ? place : place - capacity
  }
}
