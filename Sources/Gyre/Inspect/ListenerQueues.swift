/// How many connections wait at a listener, and where, at one moment. `listen(2)`
///
/// A connection's way: the peer's SYN puts it into the SYN queue, the end of the handshake moves it to the accept queue,
/// the loop takes it from there, and a call of `accept` (or `serve`) gets it.
public struct ListenerQueues: Sendable, Equatable {
  /// Connections whose handshake has begun and is not complete: in the state `SYN_RECV`. `nil` unless asked for.
  /// `sock_diag(7)`
  ///
  /// Listeners that share the address (`reusePort`) cannot be told apart: each shows the sum of all. When the accept queue
  /// is full the kernel drops SYNs instead of queueing them, so this then falls to 0.
  public var synQueue: Int?
  /// Connections whose handshake is complete and that nobody has accepted. `TCP_INFO`, `tcpi_unacked`
  public var acceptQueue: Int
  /// The accept queue's limit: the listener's backlog, at most `net.core.somaxconn`. `TCP_INFO`, `tcpi_sacked`
  ///
  /// The kernel queues one connection more than this and then drops the peer's packets, which makes the peer try again
  /// after a second or more.
  public var acceptQueueLimit: Int
  /// Connections that the loop has accepted and that no call of `accept` has asked for yet; at most some hundreds.
  public var accepted: Int
  /// Packets of connections that the kernel has dropped at this listener since it was made, most of them because the
  /// accept queue was full: a peer that tries again is counted again. `nil` before Linux 4.12. `SO_MEMINFO`
  public var drops: Int?
  /// What the kernel has dropped at all listeners of the host; `nil` unless asked for.
  public var host: HostDrops?

  /// What is asked for only when wanted, since it costs a hundred times as much as the rest.
  public struct Extras: OptionSet, Sendable {
    /// The length of the SYN queue: 0.1 to 0.5 ms, and more with the number of the host's sockets.
    public static let synQueue = Extras(rawValue: 1)
    /// The host's drops: about 85 µs.
    public static let host = Extras(rawValue: 2)
    /// Everything.
    public static let all: Extras = [.synQueue, .host]

    /// The bits.
    public let rawValue: Int

    /// The extras of these bits.
    public init(rawValue: Int) { self.rawValue = rawValue }
  }
}
