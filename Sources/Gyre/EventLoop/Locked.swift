public import Synchronization

/// A value behind a lock, which ThreadSanitizer is told about: it does not see into `Mutex` on Linux and would report
/// every use of it as a race.
@usableFromInline
final class Locked<Value: ~Copyable & Sendable>: Sendable {
  @usableFromInline let mutex: Mutex<Value>

  @inlinable
  init(_ value: consuming Value) { mutex = Mutex(value) }

  @inlinable
  @inline(__always)
  func withLock<Result: ~Copyable & Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    // An address to name the lock by; nothing is read or written there.
    let name = Unmanaged.passUnretained(self).toOpaque()
    return try mutex.withLock { value in
      noteAcquire(name)
      defer { noteRelease(name) }
      return try body(&value)
    }
  }
}
