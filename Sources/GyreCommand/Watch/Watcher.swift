import Gyre

/// Takes samples, and remembers of each what the next one is compared with.
struct Watcher {
  let target: WatchTarget
  /// Where a Gyre process tells of its loops; `nil` if nobody is asked.
  let inspectionPath: String?

  private var before: (time: ContinuousClock.Instant, drops: [UInt32: Int])?
  private var owners = SocketOwners()
  private var known: Set<UInt32> = []

  init(_ target: WatchTarget, inspectionPath: String? = nil) {
    self.target = target
    self.inspectionPath = inspectionPath
  }

  /// What there is now.
  ///
  /// - Throws: `WatchError` if the kernel or the process does not tell.
  mutating func sample() throws -> WatchSample {
    let now = ContinuousClock.now
    let sockets = try self.sockets()
    let listening = sockets.filter { $0.state == .listening }
    findOwners(of: listening)
    var addresses = addresses(listening.filter(isWatched), now)
    let connections = assign(sockets.filter { $0.state != .listening }, to: &addresses)
    let drops = listening.compactMap { listener in listener.drops.map { (listener.inode, $0) } }
    before = (now, Dictionary(drops, uniquingKeysWith: { first, _ in first }))
    return WatchSample(
      addresses: addresses,
      connections: connections,
      host: try? HostDrops.current(),
      loops: try inspectionPath.map(LoopSample.read)
    )
  }

  private func sockets() throws -> [DiagnosedSocket] {
    var port: UInt16 = 0
    if case .port(let number) = target { port = number }
    let states = TCPState.Mask.connected.union([.listening, .synReceived])
    do throws(Errno) {
      return try SocketDiagnostics.tcpSockets(in: states, localPort: port, detailed: true)
    } catch {
      throw WatchError.noDiagnostics(error)
    }
  }

  // MARK: Listeners

  /// Looks at all processes again only when there is a listener that was not there before.
  private mutating func findOwners(of listening: [DiagnosedSocket]) {
    let inodes = Set(listening.map(\.inode))
    guard !inodes.isSubset(of: known) else { return }
    owners = SocketOwners.ofAllProcesses()
    known = inodes
  }

  private func isWatched(_ listener: DiagnosedSocket) -> Bool {
    switch target {
    case .host: true
    case .port(let port): listener.local.port == port
    case .process(let number): owners.processes(of: listener.inode).contains { $0.pid == number }
    }
  }

  private func addresses(_ listening: [DiagnosedSocket], _ now: ContinuousClock.Instant) -> [WatchSample.Address] {
    Dictionary(grouping: listening, by: \.local)
      .map { address, sockets in
        let sockets = sockets.sorted { $0.inode < $1.inode }
        return WatchSample.Address(address: address, listeners: sockets.map { listener($0, now) })
      }
      .sorted { ($0.address.port, $0.address.host) < ($1.address.port, $1.address.host) }
  }

  private func listener(_ socket: DiagnosedSocket, _ now: ContinuousClock.Instant) -> WatchSample.Listener {
    WatchSample.Listener(
      inode: socket.inode,
      processes: owners.processes(of: socket.inode),
      acceptQueue: socket.receiveQueue,
      acceptQueueLimit: socket.sendQueue,
      drops: socket.drops,
      dropsPerSecond: dropsPerSecond(of: socket, now)
    )
  }

  private func dropsPerSecond(of socket: DiagnosedSocket, _ now: ContinuousClock.Instant) -> Double? {
    guard let before, let drops = socket.drops, let earlier = before.drops[socket.inode] else { return nil }
    // The kernel's counter has 32 bits and begins again at 0.
    return Double(UInt32(truncatingIfNeeded: drops - earlier)) / ((now - before.time) / .seconds(1))
  }

  // MARK: Connections

  /// Counts each connection at the address that it came to.
  ///
  /// - Returns: those that are complete and came to one of `addresses`.
  private func assign(_ sockets: [DiagnosedSocket], to addresses: inout [WatchSample.Address]) -> [DiagnosedSocket] {
    let indices = Dictionary(uniqueKeysWithValues: zip(addresses.map(\.address), addresses.indices))
    var connections: [DiagnosedSocket] = []
    for socket in sockets {
      guard let index = Watcher.listeners(for: socket.local).lazy.compactMap({ indices[$0] }).first else { continue }
      guard socket.state != .synReceived else {
        addresses[index].synQueue += 1
        continue
      }
      addresses[index].connections += 1
      addresses[index].received += socket.receiveQueue
      addresses[index].sent += socket.sendQueue
      connections.append(socket)
    }
    return connections.sorted(by: Watcher.holdsMore)
  }

  /// The addresses that a listener for this one may be on, as the kernel looks for them: the nearest first.
  private static func listeners(for address: SocketAddress) -> [SocketAddress] {
    let everywhere: [SocketAddress] = [.any(port: address.port), .anyIPv6(port: address.port)]
    return [address] + (address.isIPv6 ? everywhere.suffix(1) : everywhere)
  }

  private static func holdsMore(_ first: DiagnosedSocket, _ second: DiagnosedSocket) -> Bool {
    let (one, other) = (first.receiveQueue + first.sendQueue, second.receiveQueue + second.sendQueue)
    return one == other ? first.remote.port < second.remote.port : one > other
  }
}
