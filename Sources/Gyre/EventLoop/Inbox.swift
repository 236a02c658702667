/// What other threads hand to a loop. The loop's own thread does not come through here.
///
/// One lock covers the items and whether the loop is parked. That makes the wake-up free of races and cheap: only the
/// first thread that puts something in for a parked loop pays the system call, and none pays while the loop is awake.
final class Inbox: Sendable {
  enum Item: Sendable {
    case job(Job)
    case work(@Sendable () -> Void)
  }

  enum Outcome: Sendable {
    /// Stored; the loop is awake and will look.
    case stored
    /// Stored; the loop is parked and the caller has to wake it.
    case wake
    /// Not stored: the loop has ended.
    case closed
  }

  private struct State: Sendable {
    var items: [Item] = []
    var isParked = false
    var isClosed = false
  }

  private let state = Locked(State())

  /// Items that the loop has not taken yet.
  var count: Int { state.withLock { $0.items.count } }

  func put(_ item: Item) -> Outcome {
    state.withLock { state in
      if state.isClosed { return .closed }
      state.items.append(item)
      guard state.isParked else { return .stored }
      state.isParked = false
      return .wake
    }
  }

  var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

  /// Takes everything, leaving `spare`'s memory for the next items.
  func takeAll(_ spare: inout [Item]) {
    state.withLock { state in
      state.isParked = false
      swap(&state.items, &spare)
    }
  }

  /// Declares that the loop is about to wait. False if there is something to do instead.
  func park() -> Bool {
    state.withLock { state in
      state.isParked = state.items.isEmpty
      return state.isParked
    }
  }

  /// Ends the inbox. False if there is something to do first.
  func close() -> Bool {
    state.withLock { state in
      state.isClosed = state.items.isEmpty
      return state.isClosed
    }
  }
}
