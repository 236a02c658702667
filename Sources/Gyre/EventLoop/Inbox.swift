/// What other threads hand to a loop. The loop's own thread does not come through here.
///
/// One lock covers the items and whether the loop is parked. That makes the wake-up free of races and cheap: only the
/// first thread that puts something in for a parked loop pays the system call, and none pays while the loop is awake.
/// Another loop pays none either: its wake goes out with its next submissions, and until then it may compute for long.
/// Who else puts something in meanwhile does not know when that will be, and wakes the loop itself.
final class Inbox: Sendable {
  enum Item: Sendable {
    case job(Job)
    case work(@Sendable () -> Void)
  }

  enum Outcome: Sendable {
    /// Stored; the loop is awake and will look.
    case stored
    /// Stored; the loop is parked and the caller has to wake it, by its message.
    case wake
    /// Stored; the loop is parked and the caller has to wake it now.
    case wakeAtOnce
    /// Not stored: the loop has ended.
    case closed
  }

  private enum Attention: Sendable {
    /// The loop will look, or somebody has woken it.
    case awake
    case parked
    /// It is parked, and this loop will wake it sooner or later: the address of a loop, to compare with.
    case called(by: UInt)
  }

  private struct State: Sendable {
    var items: [Item] = []
    var attention = Attention.awake
    var isClosed = false
  }

  private let state = Locked(State())

  /// Items that the loop has not taken yet.
  var count: Int { state.withLock { $0.items.count } }

  /// - Parameter caller: the calling thread's loop, if its wake is a message that goes out later.
  func put(_ item: Item, callingLater caller: UInt?) -> Outcome {
    state.withLock { state in
      if state.isClosed { return .closed }
      state.items.append(item)
      switch state.attention {
      case .awake: return .stored
      case .called(let first) where first == caller: return .stored
      case .called:
        state.attention = .awake
        return .wakeAtOnce
      case .parked:
        state.attention = caller.map { .called(by: $0) } ?? .awake
        return caller == nil ? .wakeAtOnce : .wake
      }
    }
  }

  var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

  /// Takes everything, leaving `spare`'s memory for the next items.
  func takeAll(_ spare: inout [Item]) {
    state.withLock { state in
      state.attention = .awake
      swap(&state.items, &spare)
    }
  }

  /// Declares that the loop is about to wait. False if there is something to do instead.
  func park() -> Bool {
    state.withLock { state in
      guard state.items.isEmpty else { return false }
      state.attention = .parked
      return true
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
