import Gyre

extension TCPConnection {
  /// The next `count` bytes, or fewer if the stream ends before.
  func bytes(_ count: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count, let chunk = try await receive() { bytes += chunk.copy() }
    return bytes
  }

  /// Whether the stream ends here.
  func isAtEnd() async throws -> Bool { try await receive() == nil }
}
