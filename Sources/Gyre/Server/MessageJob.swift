/// One message on its way to a thread that executes it, and its answer on the way back.
final class MessageJob: Sendable {
  private typealias Answer = Result<[UInt8], any Error>

  private struct State: Sendable {
    var answer: Answer?
    var waiter: UnsafeContinuation<Void, Never>?
    var isCancelled = false
  }

  let message: [UInt8]
  private let state = Locked(State())

  init(_ message: [UInt8]) { self.message = message }

  func finish(_ answer: Result<[UInt8], any Error>) {
    let waiter = state.withLock { state in
      state.answer = answer
      return state.waiter.take()
    }
    waiter?.resume()
  }

  /// Waits for the answer. A cancelled task does not wait for a thread that computes: nobody needs the answer.
  func answer() async throws -> [UInt8] {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { waiter in
        let isOver = state.withLock { state in
          guard state.answer == nil && !state.isCancelled else { return true }
          state.waiter = waiter
          return false
        }
        if isOver { waiter.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.isCancelled = true
        return state.waiter.take()
      }
      waiter?.resume()
    }
    noteResumed()
    guard let answer = state.withLock({ $0.answer }) else { throw CancellationError() }
    return try answer.get()
  }
}
