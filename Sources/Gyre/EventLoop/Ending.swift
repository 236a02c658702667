/// Whether a loop has ended, and who waits for it.
final class Ending: Sendable {
  private struct State: Sendable {
    var hasEnded = false
    var waiters: [UnsafeContinuation<Void, Never>] = []
  }

  private let state = Locked(State())

  func end() {
    let waiters = state.withLock { state in
      state.hasEnded = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
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
