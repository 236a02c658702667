/// Names one operation for as long as it is in flight.
///
/// A slot is reused, its generation never is: a completion or a cancel that arrives late carries the old generation and
/// finds nothing, rather than the newer operation in the same slot.
struct OperationID: Equatable, Sendable {
  let rawValue: UInt64

  /// No operation. The generation of a real one is never zero.
  static let none = OperationID(rawValue: 0)

  init(slot: UInt32, generation: UInt32) { rawValue = UInt64(generation) << 32 | UInt64(slot) }
  init(rawValue: UInt64) { self.rawValue = rawValue }

  var slot: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
  var generation: UInt32 { UInt32(rawValue >> 32) }
}
