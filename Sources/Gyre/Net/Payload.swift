import CLiburing
import Glibc

/// What a connection sends next, with how far it has come: bytes, or the end of a direction.
enum Payload {
  /// Bytes that the caller lends until it is resumed.
  case bytes(UnsafeRawPointer, Int)
  case vector(SendVector)
  case shutdown(Int32)

  /// Bytes that are left to send; `nil` if it is none.
  var count: Int? {
    switch self {
    case .bytes(_, let count): count
    case .vector(let vector): vector.count
    case .shutdown: nil
    }
  }

  /// A single call of the kernel sends at most this: above it, results would not fit into its 32 bits.
  private static let mostAtOnce = 1 << 30

  func operation(on descriptor: Descriptor) -> Operation {
    switch self {
    case .bytes(let address, let count): .send(descriptor, address, min(count, Payload.mostAtOnce))
    case .vector(let vector): .sendMessage(descriptor, vector.message)
    case .shutdown(let how): .shutdown(descriptor, how)
    }
  }

  /// Takes the bytes that the kernel took off it. True if nothing is left.
  mutating func advance(by count: Int) -> Bool {
    switch self {
    case .bytes(let address, let left):
      self = .bytes(address + count, left - count)
      return count == left
    case .vector(let vector): return vector.advance(by: count)
    case .shutdown: return true
    }
  }
}
