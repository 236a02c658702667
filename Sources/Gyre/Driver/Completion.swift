/// What the kernel, or a driver in its place, says of an operation.
struct Completion: Sendable {
  /// The call's result: 0 or more, or -errno.
  let result: Int32
  /// The buffer that the bytes are in, for a receive into the loop's buffers; the first one if they fill several.
  let buffer: UInt16?
  /// Whether the operation goes on and completes again. Exactly a completion without it is the terminal one.
  let hasMore: Bool
  /// When it was posted at the latest, in nanoseconds of `MonotonicClock`; 0 while the driver does not stamp completions.
  let posted: UInt64

  init(result: Int32, buffer: UInt16? = nil, hasMore: Bool = false, posted: UInt64 = 0) {
    self.result = result
    self.buffer = buffer
    self.hasMore = hasMore
    self.posted = posted
  }
}
