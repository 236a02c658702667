@testable import Gyre

/// Begins a trace of a listener again and again, each time that one has ended.
final class Retracing: Sendable {
  private struct State: Sendable {
    var begun = 0
    var ended = 0
    var isStopped = false
    var wasCalledWithin = false
  }

  private let state = Locked(State())
  @TaskLocal private static var isWithin = false

  var begun: Int { state.withLock { $0.begun } }
  var ended: Int { state.withLock { $0.ended } }
  /// Whether the end was ever told by the very call that began a trace.
  var wasCalledWithin: Bool { state.withLock { $0.wasCalledWithin } }

  func stop() { state.withLock { $0.isStopped = true } }

  func begin(on listener: TCPListener, _ trace: HandoffTrace) {
    let isStopped = state.withLock { state in
      if !state.isStopped { state.begun += 1 }
      return state.isStopped
    }
    if isStopped { return }
    Retracing.$isWithin.withValue(true) {
      listener.trace(to: trace, connections: 2) {
        let isWithin = Retracing.isWithin
        self.state.withLock { state in
          state.ended += 1
          if isWithin { state.wasCalledWithin = true }
        }
        if !isWithin { self.begin(on: listener, trace) }
      }
    }
  }
}
