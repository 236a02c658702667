import Gyre

/// What was seen at one moment.
struct WatchSample {
  /// An address that is listened on, by one listener or, with `SO_REUSEPORT`, by several.
  struct Address {
    let address: SocketAddress
    /// Half-open connections, of all its listeners together.
    var synQueue = 0
    var listeners: [Listener]
    /// Connections of which one of the listeners has, or had, the server's end.
    var connections = 0
    /// Bytes in all their receive queues.
    var received = 0
    /// Bytes in all their send queues.
    var sent = 0
  }

  /// A listener.
  struct Listener {
    let inode: UInt32
    /// Whose it is; none where the user may not know.
    let processes: [SocketOwners.Process]
    let acceptQueue: Int
    let acceptQueueLimit: Int
    /// Packets dropped since it was made; `nil` on kernels that do not say.
    let drops: Int?
    /// In the time since the sample before; `nil` in the first.
    let dropsPerSecond: Double?
  }

  /// By port and host.
  let addresses: [Address]
  /// The server's ends, those with the most in their queues first.
  let connections: [DiagnosedSocket]
  /// What the host dropped at all listeners; `nil` where `/proc` does not say.
  let host: HostDrops?
  /// The loops of a Gyre process; `nil` unless asked for.
  let loops: [LoopSample]?
}

extension WatchSample: Encodable {
  private enum Key: CodingKey { case listeners, connections, host, loops }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(addresses, forKey: .listeners)
    try object.encode(connections.map(Connection.init), forKey: .connections)
    try object.encode(host.map(Host.init), forKey: .host)
    try object.encode(loops, forKey: .loops)
  }

  private struct Connection: Encodable {
    let local, remote, state: String
    let receiveQueue, sendQueue: Int
    let unsent, sendWindow, receiveWindow, retransmissions: Int?
    let roundTripMicroseconds: Double?

    init(_ socket: DiagnosedSocket) {
      (local, remote, state) = (socket.local.description, socket.remote.description, socket.state.text)
      (receiveQueue, sendQueue) = (socket.receiveQueue, socket.sendQueue)
      (unsent, retransmissions) = (socket.path?.unsent, socket.path?.retransmissions)
      (sendWindow, receiveWindow) = (socket.path?.sendWindow, socket.path?.receiveWindow)
      roundTripMicroseconds = (socket.path?.roundTripTime).map { $0 / .microseconds(1) }
    }
  }

  private struct Host: Encodable {
    let acceptQueueOverflows, drops, synCookies, synDrops: UInt64

    init(_ host: HostDrops) {
      (acceptQueueOverflows, drops) = (host.acceptQueueOverflows, host.drops)
      (synCookies, synDrops) = (host.synCookies, host.synDrops)
    }
  }
}

extension WatchSample.Address: Encodable {
  private enum Key: CodingKey { case address, synQueue, listeners, connections, receiveQueues, sendQueues }

  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(address.description, forKey: .address)
    try object.encode(synQueue, forKey: .synQueue)
    try object.encode(listeners, forKey: .listeners)
    try object.encode(connections, forKey: .connections)
    try object.encode(received, forKey: .receiveQueues)
    try object.encode(sent, forKey: .sendQueues)
  }
}

extension WatchSample.Listener: Encodable {
  private enum Key: CodingKey { case processes, acceptQueue, acceptQueueLimit, drops, dropsPerSecond }

  /// Every key is there: what is `nil` is null.
  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(processes, forKey: .processes)
    try object.encode(acceptQueue, forKey: .acceptQueue)
    try object.encode(acceptQueueLimit, forKey: .acceptQueueLimit)
    try object.encode(drops, forKey: .drops)
    try object.encode(dropsPerSecond, forKey: .dropsPerSecond)
  }
}

extension TCPState {
  /// The state as `ss(8)` and RFC 9293 name it.
  var text: String {
    switch self {
    case .established: "ESTABLISHED"
    case .synSent: "SYN-SENT"
    case .synReceived: "SYN-RECEIVED"
    case .finWait1: "FIN-WAIT-1"
    case .finWait2: "FIN-WAIT-2"
    case .timeWait: "TIME-WAIT"
    case .closed: "CLOSED"
    case .closeWait: "CLOSE-WAIT"
    case .lastAck: "LAST-ACK"
    case .listening: "LISTEN"
    case .closing: "CLOSING"
    }
  }
}
