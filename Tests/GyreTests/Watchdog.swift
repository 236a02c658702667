import Glibc

@testable import Gyre

/// Ends the process, with a message, if a test has not ended in time: a test that hangs must not hang the suite.
final class Watchdog: Sendable {
  private let stopped = Outcome<Void>()

  init(seconds: Int, _ name: String = #function) {
    let stopped = stopped
    let failure = Thread.start(name: "watchdog") {
      for _ in 0..<(seconds * 20) {
        usleep(50_000)
        if (try? stopped.get()) != nil { return }
      }
      print("watchdog: \(name) did not end within \(seconds) seconds")
      fflush(nil)
      abort()
    }
    precondition(failure == nil, "no thread for the watchdog: \(failure!)")
  }

  func stop() { stopped.set(.success(())) }
}
