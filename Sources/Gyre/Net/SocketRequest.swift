import CLiburing

// @unchecked: the memory in it is lent by a suspended caller, which touches it again only when it is resumed.
/// What a task asks of a connection.
enum SocketRequest: @unchecked Sendable {
  case receive
  case receiveInto(UnsafeMutableRawBufferPointer)
  case send(UnsafeRawPointer, Int)
  case sendVector(SendVector)
  case shutdown(Int32)
  case connect(SocketAddress)
  case useOrdinary(@Sendable (Int32) -> Void)

  /// What its end is to somebody who observes the connection; `nil` if it is nothing, or told of with the bytes.
  var end: Handoff? {
    switch self {
    case .receiveInto: .receiveResumed
    case .send, .sendVector: .sendResumed
    case .receive, .shutdown, .connect, .useOrdinary: nil
    }
  }
}
