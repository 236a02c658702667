/// Why nothing more can be received.
enum StreamEnd: Sendable {
  case ended
  /// With -errno.
  case failed(Int32)
}
