import CLiburing
import Glibc

/// What one call of `send` or `shutdown` asks for, with how far it has come.
struct SendRequest {
  enum Kind {
    /// Bytes that the caller lends until it is resumed.
    case bytes(UnsafeRawPointer, Int)
    case vector(SendVector)
    case shutdown(Int32)
  }

  var kind: Kind
  let waiter: Waiter

  /// Bytes that are left to send; `nil` if it sends none.
  var count: Int? {
    switch kind {
    case .bytes(_, let count): count
    case .vector(let vector): vector.count
    case .shutdown: nil
    }
  }

  /// A single call of the kernel sends at most this: above it, results would not fit into its 32 bits.
  private static let mostAtOnce = 1 << 30

  func operation(on descriptor: Descriptor) -> Operation {
    switch kind {
    case .bytes(let address, let count): .send(descriptor, address, min(count, SendRequest.mostAtOnce))
    case .vector(let vector): .sendMessage(descriptor, vector.message)
    case .shutdown(let how): .shutdown(descriptor, how)
    }
  }

  /// Takes the bytes that the kernel took off the request. True if nothing is left.
  mutating func advance(by count: Int) -> Bool {
    switch kind {
    case .bytes(let address, let left):
      kind = .bytes(address + count, left - count)
      return count == left
    case .vector(let vector): return vector.advance(by: count)
    case .shutdown: return true
    }
  }
}
