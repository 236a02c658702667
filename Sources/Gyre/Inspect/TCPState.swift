/// What the kernel says that a TCP socket is doing. `tcp(7)`, RFC 9293
package enum TCPState: UInt8, Sendable, Hashable, CaseIterable {
  case established = 1
  case synSent
  /// Half open: in a listener's SYN queue.
  case synReceived
  case finWait1
  case finWait2
  case timeWait
  case closed
  case closeWait
  case lastAck
  case listening
  case closing

  /// A set of states.
  package struct Mask: OptionSet, Sendable {
    /// One bit a state, numbered as the kernel numbers the states.
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The set of one state.
    package init(_ state: TCPState) { rawValue = 1 << UInt32(state.rawValue) }

    package static let established = Mask(.established)
    package static let synReceived = Mask(.synReceived)
    package static let listening = Mask(.listening)
    /// Those in which both ends may still have data for each other, or for the program: connections that are open or about
    /// to close.
    package static let connected: Mask = [
      .established, Mask(.finWait1), Mask(.finWait2), Mask(.closeWait), Mask(.lastAck), Mask(.closing),
    ]
  }
}
