/// What of a client's memory this server is ready to be.
enum Limit {
  /// Bytes of a request's first line.
  static let requestLine = 8 << 10
  /// Bytes of a head, the first line included; and of the trailer fields after a body.
  static let head = 16 << 10
  static let fields = 100
  static let body = 1 << 20
  /// Bytes of the line before a chunk: its size and its extensions, which nobody has a use for.
  static let chunkLine = 256
  /// Bytes of a body or an answer for which a client has its time anew: a slow client is served, one that hardly moves
  /// is not.
  static let piece = 64 << 10
}
