import CLiburing
import Glibc
import Testing

@testable import Gyre

/// A connection's buffers, as traffic fills and empties them.
@Suite(.serialized)
struct InspectConnectionTests {
  @Test(arguments: Backends.available, Descriptors.available)
  func unreadBytesAreInTheKernelUntilTheLoopReceivesThem(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withPair(backend, descriptors) { loop, pair in
      try await pair.client.send([UInt8](repeating: 1, count: 1000))
      try await until("in the kernel") { try await pair.server.buffers.receiveQueue == 1000 }
      #expect(try await pair.server.buffers.received == 0)
      // From here on the loop receives ahead of the calls.
      #expect(try await pair.server.receive(exactly: 1000).count == 1000)
      try await pair.client.send([UInt8](repeating: 2, count: 3000))
      try await until("in the loop") { try await pair.server.buffers.received == 3000 }
      #expect(try await pair.server.buffers.receiveQueue == 0)
      #expect(try await pair.server.receiveIntoMemory(of: 100).count == 100)
      #expect(try await pair.server.buffers.received == 2900)
      #expect(try await pair.server.receive(exactly: 2900).count == 2900)
      #expect(try await pair.server.buffers.received == 0)
    }
  }

  @Test(arguments: Backends.available, Descriptors.available)
  func aReceiverThatDoesNotReadClosesItsWindow(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withPair(backend, descriptors) { loop, pair in
      let open = try await pair.client.buffers
      if let window = open.sendWindow { #expect(window > 0) }
      #expect(open.sendQueue == 0 && open.unsent ?? 0 == 0 && open.unacknowledged ?? 0 == 0)
      #expect(open.congestionWindow > 0 && open.segmentSize > 0 && open.roundTripTime > .zero)
      let client = pair.client
      let sending = start(on: loop) { try await client.send([UInt8](repeating: 1, count: 64 << 20)) }
      try await until("the window is closed") { try await client.buffers.sendWindow ?? 0 == 0 }
      try await until("bytes are held back") { try await client.buffers.unsent != 0 }
      let (held, receiver) = (try await client.buffers, try await pair.server.buffers)
      #expect(held.sendQueue > 0 && held.sendBufferSize ?? 1 > 0 && receiver.receiveQueue > 0)
      if let unsent = held.unsent, let unacknowledged = held.unacknowledged {
        #expect(unsent > 0 && unsent + unacknowledged == held.sendQueue)
      }
      if let size = receiver.receiveBufferSize { #expect(size > 0) }
      if held.stalledByReceiver != nil {
        try await until("the time is counted") { try await client.buffers.stalledByReceiver! > .zero }
      }
      sending.cancel()
      _ = await sending.result
    }
  }

  @Test(arguments: Backends.available, Descriptors.available)
  func whatThePeerHasNotAcknowledgedIsCounted(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withPair(backend, descriptors) { loop, pair in
      // The peer may wait with its acknowledgement, but need not: so look until it did.
      try await until("unacknowledged") {
        try await pair.server.setOption(level: Int32(IPPROTO_TCP), name: TCP_QUICKACK, to: 0)
        try await pair.client.send([UInt8](repeating: 1, count: 100))
        let buffers = try await pair.client.buffers
        return buffers.unacknowledged ?? 100 == 100 && buffers.sendQueue == 100 && buffers.unsent ?? 0 == 0
      }
      try await until("acknowledged") { try await pair.client.buffers.sendQueue == 0 }
    }
  }

  @Test(arguments: Backends.available, Descriptors.available)
  func onlyTheFirstCallOfADirectDescriptorAsksTheLoop(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withPair(backend, descriptors) { loop, pair in
      let isDirect = pair.server.socket.descriptor.isDirect
      #expect(isDirect == (backend == .uring && descriptors == .direct))
      let before = loop.driver.operations.started
      _ = try await pair.server.buffers
      #expect(loop.driver.operations.started == before + (isDirect ? 1 : 0))
      let server = pair.server
      _ = try await server.buffers
      _ = try await Task.detached { try await server.buffers }.value
      #expect(loop.driver.operations.started == before + (isDirect ? 1 : 0))
    }
  }

  @Test(arguments: Backends.available, Descriptors.available)
  func aClosedConnectionSaysSo(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withPair(backend, descriptors) { loop, pair in
      _ = try await pair.server.buffers
      await pair.server.close()
      await pair.client.close()
      for connection in [pair.server, pair.client] {
        #expect(await socketErrno { _ = try await connection.buffers } == .badFileDescriptor)
        #expect(
          await socketErrno { _ = try await Task.detached { try await connection.buffers }.value } == .badFileDescriptor
        )
      }
    }
  }

  /// Asked from other threads for as long as the connection lives and a little longer, there is an answer or `EBADF`.
  @Test(arguments: Backends.available, Descriptors.available)
  func askingWhileItIsClosedNeverAsksSomebodyElsesSocket(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withLoop(backend, configure: { descriptors.apply(to: &$0) }) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      for _ in 0..<50 {
        async let accepting = listener.accept()
        let client = try await TCPConnection.connect(to: listener.address, on: loop)
        let server = try await accepting
        let asking = Task.detached {
          do {
            while true { _ = try await server.buffers }
          } catch {
            return (error as? SocketError)?.errno
          }
        }
        await server.close()
        await client.close()
        let errno = await asking.value
        #expect(errno == .badFileDescriptor)
      }
      await listener.close()
    }
  }

  /// What an older kernel answers: the kernel itself leaves out what there is no room for.
  @Test(arguments: [104, 152, 232, 236])
  func aShorterAnswerLeavesOutItsFieldsAndNoOthers(_ room: Int) throws {
    let pair = try TCPPair(sending: 1000)
    defer { pair.close() }
    let whole = try TCPInfo(of: pair.client)
    let info = try TCPInfo(of: pair.client, room: room)
    #expect(info.length == min(room, whole.length))
    #expect(info.fields.tcpi_snd_cwnd == whole.fields.tcpi_snd_cwnd && info.fields.tcpi_snd_mss > 0)
    #expect((info.unsent != nil) == (room >= 148))
    #expect((info.busyTime != nil) == (room >= 176))
    #expect((info.receiverLimited != nil) == (room >= 184))
    #expect((info.sendBufferLimited != nil) == (room >= 192))
    #expect((info.sendWindow != nil) == (room >= 232))
    #expect((info.receiveWindow != nil) == (room >= 236 && whole.length >= 236))
  }

  @Test func anAnswerTooShortToBeOfUseIsAnError() throws {
    let pair = try TCPPair(sending: 1)
    defer { pair.close() }
    #expect(throws: Errno(rawValue: EOPNOTSUPP)) { try TCPInfo(of: pair.client, room: 100) }
    #expect(throws: Errno.badFileDescriptor) { try TCPInfo(of: -1) }
  }

  private func withPair(
    _ backend: Backend,
    _ descriptors: Descriptors,
    _ body: @escaping @Sendable (EventLoop, Pair) async throws -> Void
  ) async throws {
    try await withLoop(backend, configure: { descriptors.apply(to: &$0) }) { loop in
      try await Pair.with(loop) { try await body(loop, $0) }
    }
  }
}

/// Asks again and again until `condition` holds. Fails after many times.
func until(_ what: Comment, _ condition: () async throws -> Bool) async throws {
  for _ in 0..<5000 {
    if try await condition() { return }
    try await EventLoop.current!.sleep(for: .milliseconds(1))
  }
  Issue.record(what)
}
