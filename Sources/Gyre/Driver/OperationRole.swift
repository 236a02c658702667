/// The part an operation plays for its target. A target has at most one operation of a role in flight, so the role tells
/// a completion's meaning without a look-up.
enum OperationRole: UInt8, CaseIterable, Sendable {
  case accept
  case receive
  case receiveInto
  case pollReceive
  case send
  case connect
  case install
  case close

  /// Whether such an operation completes again and again until it is cancelled or fails.
  @inline(__always)
  var isMultishot: Bool { self == .accept || self == .receive }
}
