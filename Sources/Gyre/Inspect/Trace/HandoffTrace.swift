/// A record of hand-offs: when connections and their bytes passed from one queue to the next, and on to a task.
///
/// It is a ring of a fixed size. When it is full the oldest events make room for new ones and are counted. One trace can
/// take the connections of several listeners and loops.
///
/// ```swift
/// let trace = try HandoffTrace()
/// listener.trace(to: trace, connections: 10)
/// …
/// print(trace.text)
/// ```
///
/// A connection that is not traced pays one predictable branch a hand-off. A traced one pays some tens of nanoseconds an
/// event, and at most once a millisecond a system call that asks whether the peer has acknowledged what was sent.
public final class HandoffTrace: Sendable {
  /// One hand-off of one connection.
  public struct Event: Sendable, Equatable {
    /// Nanoseconds of `CLOCK_MONOTONIC`. See `Handoff` for what happened then.
    public let time: UInt64
    /// The connection's number in this trace, from 1.
    public let connection: Int
    /// What happened.
    public let handoff: Handoff
    /// Bytes, or -errno; for `queued`, the length of the accept queue that the connection left behind when it was accepted.
    /// 0 where it has no meaning.
    public let value: Int
    /// The length of the SYN queue, for `queued`, where it was looked at.
    public let synQueue: Int?

    init(_ time: UInt64, _ connection: Int, _ handoff: Handoff, _ value: Int = 0, synQueue: Int? = nil) {
      self.time = time
      self.connection = connection
      self.handoff = handoff
      self.value = value
      self.synQueue = synQueue
    }
  }

  private struct State: Sendable {
    var events: TraceRing<PackedEvent>
    var connections = 0
    var peers: TraceRing<Peer>
  }

  private struct Peer: Sendable {
    let connection: Int
    let address: SocketAddress
  }

  private let state: Locked<State>

  /// An empty trace.
  ///
  /// - Parameter capacity: the most events it holds, of 32 bytes each. One request and its answer are nine. Default: 65,536.
  /// - Throws: `ConfigurationError` unless it is from 1 to 16,777,216.
  public init(capacity: Int = 65536) throws(ConfigurationError) {
    guard (1...(1 << 24)).contains(capacity) else {
      throw ConfigurationError("a trace’s capacity is \(capacity): use 1 to \(1 << 24) events")
    }
    state = Locked(State(events: TraceRing(capacity: capacity), peers: TraceRing(capacity: min(capacity, 4096))))
  }

  /// The events that it holds, by time.
  public var events: [Event] {
    let events = state.withLock { $0.events.elements }
    // At the same time, the earlier stage comes first, and within a stage what was recorded first.
    func key(_ event: (offset: Int, element: PackedEvent)) -> (UInt64, UInt8, Int) {
      (event.element.time, event.element.handoff.rawValue, event.offset)
    }
    return events.enumerated().sorted { key($0) < key($1) }.map { $0.element.event }
  }

  /// Events that made room for newer ones.
  public var lost: Int { state.withLock { $0.events.lost } }

  /// Connections that were traced.
  public var connections: Int { state.withLock { $0.connections } }

  /// The peer of a traced connection; `nil` if it is not known, or so long ago that it made room for newer ones.
  public func peer(of connection: Int) -> SocketAddress? {
    peers[connection]
  }

  var peers: [Int: SocketAddress] {
    let peers = state.withLock { $0.peers.elements }
    return Dictionary(peers.map { ($0.connection, $0.address) }, uniquingKeysWith: { $1 })
  }

  /// The events by connection, in the order of their numbers.
  var eventsByConnection: [(connection: Int, events: [Event])] {
    Dictionary(grouping: events, by: \.connection).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  // MARK: Recording

  /// The number for one more connection.
  func addConnection() -> Int {
    state.withLock { state in
      state.connections += 1
      return state.connections
    }
  }

  func setPeer(_ address: SocketAddress, of connection: Int) {
    state.withLock { $0.peers.append(Peer(connection: connection, address: address)) }
  }

  @inline(__always)
  func record(_ event: PackedEvent) {
    state.withLock { $0.events.append(event) }
  }

  /// Records several events under one lock.
  @inline(__always)
  func record(_ first: PackedEvent, _ second: PackedEvent, _ third: PackedEvent? = nil) {
    state.withLock { state in
      state.events.append(first)
      state.events.append(second)
      if let third { state.events.append(third) }
    }
  }
}
