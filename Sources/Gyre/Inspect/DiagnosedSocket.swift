/// A TCP socket of this host, whoever's it is, as the kernel described it at one moment. `sock_diag(7)`
package struct DiagnosedSocket: Sendable, Equatable {
  /// What it is doing.
  package var state: TCPState
  /// Its own address.
  package var local: SocketAddress
  /// The peer's; the unspecified address with port 0 for a listener.
  package var remote: SocketAddress
  /// Bytes that nobody has received. Of a listener: connections in its accept queue.
  package var receiveQueue: Int
  /// Bytes that the peer has not acknowledged. Of a listener: the limit of its accept queue.
  package var sendQueue: Int
  /// The user that it belongs to. 0 for one that has no program yet, in a SYN queue.
  package var userID: UInt32
  /// What tells it from every other socket of the host, and appears in `/proc/PID/fd`. 0 for one that has no program.
  package var inode: UInt32
  /// Packets dropped at it; `nil` unless asked for, and on kernels that do not say. `INET_DIAG_SKMEMINFO`
  package var drops: Int?
  /// What TCP knows of the path and the peer; `nil` unless asked for. `INET_DIAG_INFO`
  package var path: Path?

  /// A part of `tcp_info`; `nil` is what this kernel does not say. `tcp(7)`
  package struct Path: Sendable, Equatable {
    /// The smoothed time from a segment to its acknowledgement.
    package var roundTripTime: Duration
    /// Segments sent again since the connection began.
    package var retransmissions: Int
    /// Bytes of the send queue that have not been sent.
    package var unsent: Int?
    /// Bytes that the peer is ready to take; 0 while its program does not read.
    package var sendWindow: Int?
    /// Bytes that the peer has been told it may send.
    package var receiveWindow: Int?
  }
}
