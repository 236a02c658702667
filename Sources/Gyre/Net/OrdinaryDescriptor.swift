import CLiburing
import Glibc
import Synchronization

/// A socket's ordinary descriptor, for system calls that never block, made on any thread.
///
/// A number that was closed can be somebody else's a moment later. So whoever uses it holds a lock meanwhile, and whoever
/// closes it takes it out of here first.
struct OrdinaryDescriptor: ~Copyable, Sendable {
  // Not private, though nobody else uses it: Swift 6.3 fails to emit a private type inside a `Mutex` of another file’s class.
  enum State {
    /// There is only a direct descriptor so far.
    case none
    case open(Int32)
    case released
  }

  private let state: Mutex<State>

  init(_ descriptor: Descriptor) {
    switch descriptor {
    case .ordinary(let number): state = Mutex(.open(number))
    case .direct: state = Mutex(.none)
    }
  }

  /// Calls `body` with the number; `nil` if there is none yet.
  ///
  /// - Throws: `EBADF` after `release`, and what `body` throws.
  func use<Value>(_ body: (Int32) throws(Errno) -> Value) throws(Errno) -> Value? {
    let result = withLock { state -> Result<Value?, Errno> in
      switch state {
      case .none: .success(nil)
      case .open(let number): Result { () throws(Errno) in try body(number) }
      case .released: .failure(.badFileDescriptor)
      }
    }
    return try result.get()
  }

  /// Keeps the number that was installed beside a direct descriptor.
  func install(_ number: Int32) {
    withLock { $0 = .open(number) }
  }

  /// Ends all use.
  ///
  /// - Returns: whether this was the first call, and the number, which is then the caller's to close.
  func release() -> (isFirst: Bool, number: Int32?) {
    withLock { state in
      defer { state = .released }
      switch state {
      case .none: return (true, nil)
      case .open(let number): return (true, number)
      case .released: return (false, nil)
      }
    }
  }

  private func withLock<Value>(_ body: (inout State) -> Value) -> Value {
    // The address names the lock to ThreadSanitizer, which does not see into `Mutex`. It is taken of the whole, which a mutex
    // keeps at one place: to take it of the state would be an access before the lock is said to be held.
    withUnsafePointer(to: self) { address in
      let name = UnsafeMutableRawPointer(mutating: address)
      return state.withLock { state in
        gyre_sanitizer_acquire(name)
        defer { gyre_sanitizer_release(name) }
        return body(&state)
      }
    }
  }
}
