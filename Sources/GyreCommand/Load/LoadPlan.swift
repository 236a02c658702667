import Gyre

/// What load to make.
struct LoadPlan: Sendable {
  var address: SocketAddress
  var connections = 64
  /// Bytes in a request.
  var size = 64
  /// Requests under way on each connection.
  var pipeline = 1
  /// Seconds before the measured window.
  var warmUp = 1.0
  /// Seconds of the measured window.
  var seconds = 5.0
}
