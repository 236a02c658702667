/// Received bytes, in a buffer borrowed from the loop.
///
/// The buffer goes back when the chunk goes out of scope. Until then the connection can hold one buffer fewer; keep chunks
/// for as long as you read them, and copy what has to last.
public struct Chunk: ~Copyable, Sendable {
  private let socket: StreamSocket
  private let pending: PendingChunk

  init(_ pending: PendingChunk, of socket: StreamSocket) {
    self.pending = pending
    self.socket = socket
  }

  deinit { socket.giveBack(pending) }

  /// The number of bytes: 1 or more.
  public var count: Int { Int(pending.count) }

  /// The bytes, for as long as the chunk is held.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count))
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The bytes as an array of their own.
  public func copy() -> [UInt8] { Array(UnsafeRawBufferPointer(start: start, count: count)) }

  /// The bytes as text, with U+FFFD for what is not UTF-8.
  public var text: String { String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self) }

  /// Valid until `deinit`: the buffer is this chunk's, and the socket keeps the pool through its loop.
  var start: UnsafeRawPointer { UnsafeRawPointer(pending.start) }
}
