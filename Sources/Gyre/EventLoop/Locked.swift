import CLiburing
import Synchronization

/// A value behind a lock, which ThreadSanitizer is told about: it does not see into `Mutex` on Linux and would report
/// every use of it as a race.
final class Locked<Value: ~Copyable & Sendable>: Sendable {
  private let mutex: Mutex<Value>

  init(_ value: consuming Value) { mutex = Mutex(value) }

  @inline(__always)
  func withLock<Result: ~Copyable & Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    // An address to name the lock by; nothing is read or written there.
    let name = Unmanaged.passUnretained(self).toOpaque()
    return try mutex.withLock { value in
      gyre_sanitizer_acquire(name)
      defer { gyre_sanitizer_release(name) }
      return try body(&value)
    }
  }
}
