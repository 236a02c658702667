// @unchecked: it owns its memory alone, as an array does.
/// A queue in one block of memory, first in first out. Its elements may be not copyable. The block is made for the capacity, or
/// for `first` elements: a larger one's doubles when it is full, so that a bound which is never reached costs nothing.
@usableFromInline
struct BoundedQueue<Element: ~Copyable & Sendable>: ~Copyable, @unchecked Sendable {
  @usableFromInline let capacity: Int
  @usableFromInline var count = 0
  @usableFromInline var head = 0
  /// Elements that the block has places for.
  @usableFromInline var room: Int
  // Freed in `deinit`; the `count` places from `head` on hold elements.
  @usableFromInline var places: UnsafeMutablePointer<Element>

  @usableFromInline static var first: Int { 1024 }

  @inlinable init(capacity: Int) {
    self.capacity = capacity
    room = min(capacity, Self.first)
    places = .allocate(capacity: room)
  }

  @inlinable deinit {
    for offset in 0..<count { (places + place(offset)).deinitialize(count: 1) }
    places.deallocate()
  }

  /// There must be room.
  @inlinable mutating func append(_ element: consuming Element) {
    if count == room { grow() }
    (places + place(count)).initialize(to: element)
    count += 1
  }

  @inlinable @inline(never)
  mutating func grow() {
    precondition(room < capacity, "checked by the channel")
    let wider = min(room * 2, capacity)
    let block = UnsafeMutablePointer<Element>.allocate(capacity: wider)
    for offset in 0..<count { (block + offset).moveInitialize(from: places + place(offset), count: 1) }
    places.deallocate()
    (places, room, head) = (block, wider, 0)
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
    return place < room ? place : place - room
  }
}
