/// A connection between two loops: its descriptor, and what it had received.
struct DepartingSocket: Sendable {
  /// An ordinary descriptor, which nobody else closes.
  let number: Int32
  var peer: SocketAddress?
  /// What had arrived and nobody had asked for.
  var bytes: [[UInt8]] = []
  var end: StreamEnd?
  /// Why the connection is cut, as -errno.
  var cut: Int32?
  var receivesStream = false
}
