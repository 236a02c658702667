import Glibc
import Testing

@testable import Gyre

/// What the socket diagnostics say, against what the sockets themselves are told.
@Suite(.serialized) struct SocketDiagnosticsTests {
  static let hosts: [SocketAddress] = [.loopback(port: 0), .loopbackIPv6(port: 0)]

  @Test(arguments: hosts)
  func aListenerIsSeenAsItSeesItself(host: SocketAddress) throws {
    let probe = try QueueProbe(on: host, backlog: 9)
    for _ in 0..<3 { _ = try probe.connect() }
    let seen = try SocketDiagnostics.tcpSockets(in: .listening, localPort: probe.address.port, detailed: true)
    #expect(seen.count == 1)
    #expect(seen[0].local == probe.address)
    #expect(seen[0].state == .listening)
    #expect(seen[0].remote.isUnspecified)
    #expect((seen[0].receiveQueue, seen[0].sendQueue) == probe.acceptQueue)
    #expect(seen[0].receiveQueue == 3)
    #expect(seen[0].sendQueue == 9)
    #expect(seen[0].userID == getuid())
    #expect(seen[0].inode != 0)
    #expect(seen[0].drops == 0)
  }

  @Test(arguments: hosts)
  func halfOpenConnectionsAreCounted(host: SocketAddress) throws {
    let probe = try QueueProbe(on: host, backlog: 9, deferring: true)
    #expect(try SocketDiagnostics.synQueueLength(of: probe.address) == 0)
    let clients = try (0..<4).map { _ in try probe.connect() }
    #expect(try SocketDiagnostics.synQueueLength(of: probe.address) == 4)
    #expect(probe.acceptQueue.length == 0)
    // The first byte completes the handshake.
    #expect(write(clients[0], "x", 1) == 1)
    #expect(try SocketDiagnostics.synQueueLength(of: probe.address) == 3)
    #expect(probe.acceptQueue.length == 1)
  }

  @Test func aListenerOnEveryAddressHasTheSynQueueOfAll() throws {
    let probe = try QueueProbe(on: .anyIPv6(port: 0), backlog: 9, deferring: true)
    let (port, four, six) = (probe.address.port, SocketAddress.loopback(port: 0), SocketAddress.loopbackIPv6(port: 0))
    var clients: [Int32] = []
    defer { for client in clients { close(client) } }
    for host in [four, six] {
      let client = try SystemSocket.make(for: host, flags: 0)
      clients.append(client)
      let target = try SocketAddress(host: host.host, port: port)
      try #require(target.withSockaddr { connect(client, $0, $1) } == 0)
    }
    #expect(try SocketDiagnostics.synQueueLength(of: probe.address) == 2)
    #expect(try SocketDiagnostics.synQueueLength(of: .loopbackIPv6(port: port)) == 1)
  }

  @Test(arguments: hosts)
  func aConnectionShowsWhatItHolds(host: SocketAddress) throws {
    let probe = try QueueProbe(on: host, backlog: 9)
    let client = try probe.connect()
    _ = try probe.accept()
    #expect(write(client, [UInt8](repeating: 1, count: 1000), 1000) == 1000)
    let seen = try SocketDiagnostics.tcpSockets(in: .connected, localPort: probe.address.port, detailed: true)
    #expect(seen.count == 1)
    #expect(seen[0].state == .established)
    #expect(seen[0].local == probe.address)
    #expect(try seen[0].remote == SystemSocket.localAddress(of: client))
    #expect(seen[0].receiveQueue == 1000)
    #expect(seen[0].sendQueue == 0)
    let path = try #require(seen[0].path)
    #expect(path.roundTripTime > .zero && path.roundTripTime < .seconds(1))
    #expect(path.retransmissions == 0)
    #expect(path.unsent == 0)
    #expect((path.sendWindow ?? 0) > 0)
  }

  @Test func detailsAreOnlyThereIfAskedFor() throws {
    let probe = try QueueProbe(backlog: 9)
    let seen = try SocketDiagnostics.tcpSockets(in: .listening, localPort: probe.address.port)
    #expect(seen.map(\.drops) == [nil])
    #expect(seen.map(\.path) == [nil])
  }

  @Test func anAnswerOfManyDatagramsIsWhole() throws {
    let probe = try QueueProbe(backlog: 400)
    let clients = try (0..<300).map { _ in try probe.connect() }
    let seen = try SocketDiagnostics.tcpSockets(in: .connected, localPort: probe.address.port, detailed: true)
    #expect(seen.count == 300)
    #expect(Set(seen.map(\.remote)) == Set(try clients.map { try SystemSocket.localAddress(of: $0) }))
    #expect(probe.acceptQueue.length == 300)
  }

  @Test func noDescriptorIsLeft() throws {
    let before = OpenDescriptors.list()
    for _ in 0..<20 { _ = try SocketDiagnostics.tcpSockets(in: .listening) }
    #expect(throws: Errno.self) { _ = try NetlinkSocket(protocol: 99) }
    #expect(OpenDescriptors.list().subtracting(before).count < 20)
  }

  @Test func aRefusalIsAnErrno() throws {
    let netlink = try NetlinkSocket(protocol: 4)
    // A kind of message that the socket diagnostics do not know.
    #expect(throws: Errno.invalidArgument) { try netlink.dump(type: 99, sequence: 1, UInt64(0)) { _, _ in } }
  }
}
