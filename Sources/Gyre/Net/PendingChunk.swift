// @unchecked: whoever holds a chunk is the only one to touch its memory.
/// Received bytes in memory of the loop.
struct PendingChunk: @unchecked Sendable {
  /// The start of a buffer of the pool, or of memory that was allocated because the pool was empty. Valid until it is
  /// given back with `buffer`.
  let memory: UnsafeMutableRawPointer
  /// The pool's number for the buffer; `nil` for allocated memory.
  let buffer: UInt16?
  var offset: Int32 = 0
  var count: Int32

  @inline(__always)
  var start: UnsafeMutableRawPointer { memory + Int(offset) }
}
