import CLiburing

/// What a driver can be asked to do. Addresses in it stay valid until the operation's terminal completion: whoever starts
/// it awaits that completion before letting go of the memory.
enum Operation {
  /// Accepts connections until it is cancelled or fails, or one connection; each completion carries a descriptor.
  /// `accept4(2)`
  case accept(Descriptor, direct: Bool, once: Bool)
  /// Receives into the loop's buffers until it is cancelled, fails, or the stream ends; each completion carries a buffer.
  /// With `bundles`, where the driver can, it carries as many as its bytes fill: the pool tells which follow the first.
  /// With `bounded` it ends after one buffer, where the driver has no better way to end it before it takes many.
  case receive(Descriptor, bundles: Bool, bounded: Bool)
  /// Receives once, into the caller's memory. `recv(2)`
  case receiveInto(Descriptor, UnsafeMutableRawPointer, Int)
  /// Waits until a receive would not block. `poll(2)`
  case pollReceive(Descriptor)
  /// Sends once from the caller's memory; may be short. `send(2)` with `MSG_NOSIGNAL`
  case send(Descriptor, UnsafeRawPointer, Int)
  /// Sends once from several places; may be short. `sendmsg(2)` with `MSG_NOSIGNAL`
  case sendMessage(Descriptor, UnsafeMutablePointer<msghdr>)
  /// `connect(2)`
  case connect(Descriptor, UnsafePointer<sockaddr>, socklen_t)
  /// `shutdown(2)`
  case shutdown(Descriptor, Int32)
  /// Gives a direct descriptor an ordinary one beside it. `IORING_OP_FIXED_FD_INSTALL`
  case install(Descriptor)
  /// `close(2)`. Nothing else may be in flight on the descriptor.
  case close(Descriptor)

  /// The descriptor that it works on.
  var descriptor: Descriptor {
    switch self {
    case .accept(let descriptor, _, _), .receive(let descriptor, _, _), .receiveInto(let descriptor, _, _),
      .pollReceive(let descriptor), .send(let descriptor, _, _), .sendMessage(let descriptor, _),
      .connect(let descriptor, _, _),
      .shutdown(let descriptor, _), .install(let descriptor), .close(let descriptor):
      descriptor
    }
  }

  /// The part that it plays for its target.
  var role: OperationRole {
    switch self {
    case .accept: .accept
    case .receive: .receive
    case .pollReceive: .pollReceive
    case .receiveInto: .receiveInto
    case .send, .sendMessage, .shutdown: .send
    case .connect: .connect
    case .install: .install
    case .close: .close
    }
  }
}
