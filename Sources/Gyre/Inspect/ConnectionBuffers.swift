/// Where a connection's bytes are, and what holds them up, at one moment. `tcp(7)`
///
/// Bytes that arrive wait in the kernel's receive queue, then in the loop's buffers, then in the program. Bytes that are
/// sent wait in the kernel's send queue until the peer's kernel acknowledges them.
public struct ConnectionBuffers: Sendable, Equatable {
  // MARK: Receiving

  /// Bytes in the kernel's receive queue, which the loop has not received. `SIOCINQ`
  public var receiveQueue: Int
  /// Bytes that the loop has received into its buffers and that no `receive` has asked for.
  public var received: Int
  /// Bytes that this side has told the peer it may send. 0 makes the peer wait; it shrinks as the receive queue grows.
  /// `nil` before Linux 6.2. `tcpi_rcv_wnd`
  public var receiveWindow: Int?
  /// Bytes of memory that received data may take, headers and padding included. `nil` before Linux 4.12. `SO_MEMINFO`
  public var receiveBufferSize: Int?
  /// How long the kernel may hold an acknowledgement back, to send it along with data. `tcpi_ato`
  public var delayedAcknowledgement: Duration

  // MARK: Sending

  /// Bytes in the kernel's send queue: unsent and unacknowledged ones. The end of the stream counts as one. `SIOCOUTQ`
  public var sendQueue: Int
  /// Those of them that the kernel has not sent, because of a window or of congestion. `nil` before Linux 4.6.
  /// `tcpi_notsent_bytes`
  public var unsent: Int?
  /// Those of them that were sent and that the peer has not acknowledged. `nil` before Linux 4.6.
  public var unacknowledged: Int?
  /// Bytes beyond the acknowledged ones that the peer is ready to take. 0 while the peer's program does not read.
  /// `nil` before Linux 5.4. `tcpi_snd_wnd`
  public var sendWindow: Int?
  /// Bytes of memory that data to send may take; `send` suspends beyond that. `nil` before Linux 4.12. `SO_MEMINFO`
  public var sendBufferSize: Int?

  // MARK: The path

  /// Segments that may be under way unacknowledged, as the kernel's congestion control sees the path. `tcpi_snd_cwnd`
  public var congestionWindow: Int
  /// Bytes in a full segment to the peer. `tcpi_snd_mss`
  public var segmentSize: Int
  /// The smoothed time from a segment to its acknowledgement. `tcpi_rtt`
  public var roundTripTime: Duration
  /// How much that time varies. `tcpi_rttvar`
  public var roundTripVariation: Duration
  /// Segments sent again since the connection began. `tcpi_total_retrans`
  public var retransmissions: Int

  // MARK: Why it stalled

  /// The time since the connection began in which there were bytes to send. `nil` before Linux 4.10. `tcpi_busy_time`
  public var busy: Duration?
  /// The part of it in which the peer's window held them back: its program does not read. `nil` before Linux 4.10.
  /// `tcpi_rwnd_limited`
  public var stalledByReceiver: Duration?
  /// The part of it in which more could have been sent, had the send buffer been larger. `nil` before Linux 4.10.
  /// `tcpi_sndbuf_limited`
  public var stalledBySendBuffer: Duration?
}
