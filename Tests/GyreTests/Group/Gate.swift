@testable import Gyre

/// Holds threads until it is opened.
final class Gate: Sendable {
  private let semaphore = Semaphore()

  func open() { semaphore.signal() }

  func wait() {
    semaphore.wait()
    // For the next one.
    semaphore.signal()
  }
}
