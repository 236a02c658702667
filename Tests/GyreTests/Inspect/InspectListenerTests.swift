import CLiburing
import Glibc
import Testing

@testable import Gyre

/// A listener's queues, as the kernel fills and empties them.
@Suite(.serialized)
struct InspectListenerTests {
  @Test(arguments: Backends.available)
  func queuedConnectionsAreCountedAndAcceptingTakesThemAway(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try InspectListenerTests.listener(loop, backlog: 5)
      #expect(try listener.queues == ListenerQueues(acceptQueue: 0, acceptQueueLimit: 5, accepted: 0, drops: 0))
      var clients: [TCPConnection] = []
      for count in 1...4 {
        clients.append(try await .connect(to: listener.address, on: loop))
        #expect(try listener.queues.acceptQueue == count)
      }
      let first = try await listener.accept()
      try await eventually("the others wait for the next calls") { (try? listener.queues.accepted) == 3 }
      #expect(try listener.queues.acceptQueue == 0)
      let second = try await listener.accept()
      #expect(try listener.queues.accepted == 2)
      for connection in clients + [first, second] { await connection.close() }
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func aFullQueueShowsInTheDropsOfTheListenerAndOfTheHost(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let before = try HostDrops.current()
      let listener = try InspectListenerTests.listener(loop, backlog: 1)
      // The kernel queues one more than the limit.
      let queued = [
        try await TCPConnection.connect(to: listener.address, on: loop),
        try await TCPConnection.connect(to: listener.address, on: loop),
      ]
      #expect(try listener.queues == ListenerQueues(acceptQueue: 2, acceptQueueLimit: 1, accepted: 0, drops: 0))
      let refused = start(on: loop) { try await TCPConnection.connect(to: listener.address, on: loop).close() }
      try await eventually("a drop") { ((try? listener.queues.drops) ?? 0) > 0 }
      let after = try HostDrops.current()
      #expect(after.acceptQueueOverflows > before.acceptQueueOverflows)
      #expect(after.drops > before.drops)
      refused.cancel()
      _ = await refused.result
      for connection in queued { await connection.close() }
      await listener.close()
    }
  }

  /// TCP_DEFER_ACCEPT keeps a handshake incomplete until the client has sent something.
  @Test(arguments: Backends.available)
  func handshakesThatAreNotCompleteAreInTheSYNQueue(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try InspectListenerTests.listener(loop, backlog: 5)
      #expect(try listener.queues(including: .all).synQueue == 0)
      #expect(try listener.queues(including: .all).host != nil)
      #expect(try listener.queues.synQueue == nil && listener.queues.host == nil)
      _ = try listener.socket.ordinary.use { number throws(Errno) in
        try SystemSocket.set(Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, 10, on: number)
      }
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let held = try listener.queues(including: .synQueue)
      #expect(held.synQueue == 1 && held.acceptQueue == 0 && held.host == nil)
      try await client.send("?")
      try await eventually("the handshake is complete") { (try? listener.queues.acceptQueue) == 1 }
      #expect(try listener.queues(including: .synQueue).synQueue == 0)
      await client.close()
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func anyThreadMayAskAndAClosedListenerSaysSo(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try InspectListenerTests.listener(loop, backlog: 7)
      let limit = try await Task.detached { try listener.queues.acceptQueueLimit }.value
      #expect(limit == 7)
      await listener.close()
      #expect(await socketErrno { _ = try listener.queues } == .badFileDescriptor)
      #expect(await socketErrno { _ = try await Task.detached { try listener.queues }.value } == .badFileDescriptor)
    }
  }

  @Test func hostDropsAreFoundByName() {
    let text = """
      IpExt: ListenDrops InNoRoutes
      IpExt: 77 1
      TcpExt: SyncookiesSent TCPReqQFullDrop ListenDrops New ListenOverflows
      TcpExt: 1 2 3 4 5

      """
    let drops = HostDrops(netstat: Array(text.utf8))
    #expect(drops.acceptQueueOverflows == 5 && drops.drops == 3 && drops.synDrops == 2 && drops.synCookies == 0)
    #expect(HostDrops(netstat: Array("nothing of the kind\nTcpExt: ListenDrops".utf8)) == HostDrops(netstat: []))
  }

  private static func listener(_ loop: EventLoop, backlog: Int) throws -> TCPListener {
    var options = TCPListener.Options()
    options.backlog = backlog
    return try TCPListener.bind(to: .loopback(port: 0), options: options, on: loop)
  }
}
