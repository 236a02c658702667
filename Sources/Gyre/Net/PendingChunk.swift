/// Received bytes in one of the loop's buffers.
struct PendingChunk {
  let buffer: UInt16
  var offset: Int32
  var count: Int32
}
