/// Whether a loop has ended, and who waits for it.
final class Ending: Sendable {
  private struct State: Sendable {
    var hasEnded = false
    var waiters: [@Sendable () -> Void] = []
  }

  private let state = Locked(State())

  var isOver: Bool { state.withLock { $0.hasEnded } }

  func end() {
    let waiters = state.withLock { state in
      state.hasEnded = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter() }
  }

  func wait() async {
    await withUnsafeContinuation { waiter in whenEnded { waiter.resume() } }
    noteResumed()
  }

  /// Blocks the calling thread, which may be no loop's.
  func waitBlocking() {
    let hasEnded = Semaphore()
    whenEnded { hasEnded.signal() }
    hasEnded.wait()
  }

  /// Calls `waiter` when the loop has ended, on its thread; at once if it has already.
  func whenEnded(_ waiter: @escaping @Sendable () -> Void) {
    let hasEnded = state.withLock { state in
      if !state.hasEnded { state.waiters.append(waiter) }
      return state.hasEnded
    }
    if hasEnded { waiter() }
  }
}
