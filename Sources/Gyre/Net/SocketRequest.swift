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
}
