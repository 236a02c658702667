/// The loop's pending timers: a heap of four children a node, ordered by deadline and, among equals, by age.
///
/// Insertion and removal move entries along one path of the heap, O(log n); each timer's slot knows where its entry is, so
/// that a cancelled one is removed at once and leaves nothing behind. Times are nanoseconds of `CLOCK_MONOTONIC`.
struct TimerHeap {
  private struct Entry {
    let deadline: UInt64
    let age: UInt64
    let slot: UInt32

    func isBefore(_ other: Entry) -> Bool {
      deadline != other.deadline ? deadline < other.deadline : age < other.age
    }
  }

  private struct Slot {
    var generation: UInt32 = 1
    /// Where the entry is in the heap; in a free slot, the next free one.
    var position = -1
    var action: TimerAction?
  }

  private var heap: [Entry] = []
  private var slots: [Slot] = []
  private var firstFree = -1
  private var nextAge: UInt64 = 0

  var count: Int { heap.count }
  var isEmpty: Bool { heap.isEmpty }
  var nextDeadline: UInt64? { heap.first?.deadline }

  mutating func insert(at deadline: UInt64, _ action: TimerAction) -> TimerID {
    let slot = takeSlot()
    slots[slot].action = action
    heap.append(Entry(deadline: deadline, age: nextAge, slot: UInt32(slot)))
    nextAge += 1
    moveUp(heap.count - 1)
    return TimerID(slot: UInt32(slot), generation: slots[slot].generation)
  }

  /// Removes a timer; `nil` if it has fired or was removed before.
  mutating func remove(_ id: TimerID) -> TimerAction? {
    guard Int(id.slot) < slots.count, slots[Int(id.slot)].generation == id.generation else { return nil }
    guard slots[Int(id.slot)].action != nil else { return nil }
    return remove(at: slots[Int(id.slot)].position)
  }

  /// Removes the earliest timer if its deadline has come.
  mutating func removeDue(at now: UInt64) -> TimerAction? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    return remove(at: 0)
  }

  /// Removes the earliest timer.
  mutating func removeFirst() -> (deadline: UInt64, action: TimerAction)? {
    guard let deadline = nextDeadline, let action = remove(at: 0) else { return nil }
    return (deadline, action)
  }

  // MARK: The heap

  private mutating func remove(at position: Int) -> TimerAction? {
    let entry = heap[position]
    let last = heap.removeLast()
    if position < heap.count {
      heap[position] = last
      slots[Int(last.slot)].position = position
      moveUp(position)
      moveDown(slots[Int(last.slot)].position)
    }
    return freeSlot(Int(entry.slot))
  }

  private mutating func moveUp(_ start: Int) {
    var position = start
    let entry = heap[position]
    while position > 0 {
      let parent = (position - 1) / 4
      guard entry.isBefore(heap[parent]) else { break }
      place(heap[parent], at: position)
      position = parent
    }
    place(entry, at: position)
  }

  private mutating func moveDown(_ start: Int) {
    var position = start
    let entry = heap[position]
    while let child = firstChild(of: position), heap[child].isBefore(entry) {
      place(heap[child], at: position)
      position = child
    }
    place(entry, at: position)
  }

  /// The earliest of a node's children.
  private func firstChild(of position: Int) -> Int? {
    let start = position * 4 + 1
    guard start < heap.count else { return nil }
    var best = start
    for child in start..<min(start + 4, heap.count) where heap[child].isBefore(heap[best]) { best = child }
    return best
  }

  private mutating func place(_ entry: Entry, at position: Int) {
    heap[position] = entry
    slots[Int(entry.slot)].position = position
  }

  // MARK: Slots

  private mutating func takeSlot() -> Int {
    guard firstFree >= 0 else {
      slots.append(Slot())
      return slots.count - 1
    }
    let slot = firstFree
    firstFree = slots[slot].position
    return slot
  }

  private mutating func freeSlot(_ slot: Int) -> TimerAction? {
    let action = slots[slot].action
    slots[slot].action = nil
    slots[slot].generation &+= 1
    slots[slot].position = firstFree
    firstFree = slot
    return action
  }
}
