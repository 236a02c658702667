import Dispatch
import Glibc
import Testing

@testable import Gyre

/// Fails a test that has not ended in time, by its name: a test that hangs must not hang the suite.
///
/// When the time is over, the watchdog does what it was told: it cancels tasks, stops loops, ends programs. Then `stop` records
/// an issue. A test that does not end for all that takes the process with it, since nothing else can end it.
final class Watchdog: Sendable {
  private struct State {
    var isStopped = false
    var hasBitten = false
    var remedies: [@Sendable () -> Void] = []
  }

  /// Seconds that a test gets to end after it was cancelled.
  private static let grace = 15.0

  private let test: String
  private let limit: Duration
  private let state = Locked(State())
  private let stopped = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - seconds: how long the test may take; `GYRE_PATIENCE` multiplies it.
  ///   - detail: what tells this run of the test from others: the backend, as a rule.
  init(seconds: Int, _ detail: String = "", function: String = #function) {
    let name = Test.current.map { "\($0.name) (\($0.sourceLocation.fileName))" } ?? function
    test = detail.isEmpty ? name : "\(name), \(detail)"
    limit = Patience.seconds(Double(seconds))
    let failure = Thread.start(name: "watchdog") { [self] in watch() }
    precondition(failure == nil, "no thread for the watchdog: \(failure!)")
  }

  /// Adds to what is done when the time is over. Not for the test's own task: its end would be taken for a skipped test.
  func onExpiry(_ remedy: @escaping @Sendable () -> Void) { state.withLock { $0.remedies.append(remedy) } }

  /// Stops the loop when the time is over.
  func stops(_ loop: EventLoop) { onExpiry { [weak loop] in loop?.stop() } }

  /// The test has ended. Records an issue if that was too late.
  func stop(sourceLocation: SourceLocation = #_sourceLocation) {
    let hasBitten = state.withLock { state in
      state.isStopped = true
      state.remedies = []
      return state.hasBitten
    }
    stopped.signal()
    if hasBitten { Issue.record("it did not end within \(limit), and was cancelled", sourceLocation: sourceLocation) }
  }

  private func watch() {
    if stopped.wait(timeout: .now() + limit.inSeconds) == .success { return }
    let isLate = state.withLock { state in
      if state.isStopped { return false }
      state.hasBitten = true
      for remedy in state.remedies { remedy() }
      return true
    }
    guard isLate else { return }
    print("watchdog: \(test) did not end within \(limit); it is cancelled")
    fflush(nil)
    if stopped.wait(timeout: .now() + Patience.seconds(Watchdog.grace).inSeconds) == .success { return }
    print("watchdog: \(test) did not end when it was cancelled; the process ends")
    fflush(nil)
    abort()
  }
}

extension Duration {
  fileprivate var inSeconds: Double { self / .seconds(1) }
}
