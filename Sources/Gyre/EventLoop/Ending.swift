/// Whether a loop has ended, and who waits for it.
final class Ending: Sendable {
  private struct State: Sendable {
    var hasEnded = false
    var waiters: [UnsafeContinuation<Void, Never>] = []
    var blocked: [Semaphore] = []
  }

  private let state = Locked(State())

  var isOver: Bool { state.withLock { $0.hasEnded } }

  func end() {
    let (waiters, blocked) = state.withLock { state in
      state.hasEnded = true
      defer { (state.waiters, state.blocked) = ([], []) }
      return (state.waiters, state.blocked)
    }
    for waiter in waiters { waiter.resume() }
    for thread in blocked { thread.signal() }
  }

  /// Blocks the calling thread. For threads that run no loop.
  func block() {
    let hasEnded = Semaphore()
    let isOver = state.withLock { state in
      if !state.hasEnded { state.blocked.append(hasEnded) }
      return state.hasEnded
    }
    if !isOver { hasEnded.wait() }
  }

  func wait() async {
    await withUnsafeContinuation { waiter in
      let hasEnded = state.withLock { state in
        if !state.hasEnded { state.waiters.append(waiter) }
        return state.hasEnded
      }
      if hasEnded { waiter.resume() }
    }
  }
}
