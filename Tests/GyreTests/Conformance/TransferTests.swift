import Glibc
import Testing

@testable import Gyre

/// Bytes from one end to the other, in every form that the API has.
@Suite(.serialized)
struct TransferTests {
  @Test(arguments: Backends.available)
  func everyWayToSendArrivesInOrder(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("text ")
        try await pair.client.send([1, 2, 3])
        try await pair.client.send([9, 8, 7].span.bytes.extracting(0..<16))
        try await pair.client.send(parts: [[4], [], [5, 6], []])
        let received = try await pair.server.receive(exactly: 5 + 3 + 16 + 3)
        let middle = [9, 8].flatMap { withUnsafeBytes(of: $0) { Array($0) } }
        #expect(received == Array("text ".utf8) + [1, 2, 3] + middle + [4, 5, 6])
      }
    }
  }

  @Test(arguments: Backends.available)
  func aChunkIsSentBackWithoutACopy(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("ping")
        guard let chunk = try await pair.server.receive() else {
          Issue.record("the stream ended")
          return
        }
        #expect(chunk.count == 4 && chunk.text == "ping" && chunk.bytes.byteCount == 4)
        try await pair.server.send(chunk)
        #expect(try await pair.client.receiveIntoMemory(of: 100) == Array("ping".utf8))
      }
    }
  }

  @Test(arguments: Backends.available)
  func nothingIsSentAndNothingReceivedAtOnce(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let started = loop.driver.operations.started
        try await pair.client.send([UInt8]())
        try await pair.client.send("")
        try await pair.client.send(parts: [])
        try await pair.client.send(parts: [[], []])
        #expect(try await pair.server.receiveIntoMemory(of: 0).isEmpty)
        #expect(loop.driver.operations.started == started)
        try await pair.client.send("x")
        #expect(try await pair.server.receive(exactly: 1) == [120])
      }
    }
  }

  @Test(arguments: Backends.available)
  func memoryGetsWhatAChunkLeft(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send(ByteSequence.bytes(0..<10))
        #expect(try await pair.server.receive(exactly: 10) == ByteSequence.bytes(0..<10))
        try await pair.client.send(ByteSequence.bytes(10..<1010))
        var received: [UInt8] = []
        while received.count < 1000 { received += try await pair.server.receiveIntoMemory(of: 7) }
        #expect(received == ByteSequence.bytes(10..<1010))
      }
    }
  }

  @Test(arguments: Backends.available)
  func moreThanAnyBufferArrivesWhole(_ backend: Backend) async throws {
    let payload = ByteSequence.bytes(0..<(6 << 20))
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let there = start(on: loop) { try await client.send(payload) }
        let back = start(on: loop) { try await server.send(payload) }
        let atServer = start(on: loop) { try await server.receive(exactly: payload.count) }
        #expect(try await client.receive(exactly: payload.count) == payload)
        #expect(try await atServer.value == payload)
        try await there.value
        try await back.value
      }
    }
  }

  @Test(arguments: Backends.available)
  func moreThanAThousandPartsArriveInOrder(_ backend: Backend) async throws {
    var options = TCPOptions()
    options.sendBufferSize = 4096
    let parts = (0..<2500).map { number in ByteSequence.bytes((number * 200)..<(number * 200 + 200)) }
    try await withLoop(backend) { [options] loop in
      try await Pair.with(loop, clientOptions: options) { pair in
        let client = pair.client
        let sending = start(on: loop) { try await client.send(parts: parts) }
        #expect(try await pair.server.receive(exactly: 500_000) == ByteSequence.bytes(0..<500_000))
        try await sending.value
      }
    }
  }

  @Test(arguments: Backends.available)
  func sendsOfSeveralTasksStayWhole(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let client = pair.client
        let size = 300_000
        let senders = (1...4).map { number in
          start(on: loop) { try await client.send([UInt8](repeating: UInt8(number), count: size)) }
        }
        let received = try await pair.server.receive(exactly: 4 * size)
        for part in 0..<4 { #expect(Set(received[(part * size)..<((part + 1) * size)]).count == 1) }
        for sender in senders { try await sender.value }
      }
    }
  }

  @Test(arguments: Backends.available)
  func theEndOfTheStreamComesAfterItsBytesAndStays(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("last")
        try await pair.client.shutdown(.send)
        #expect(try await pair.server.receive(exactly: 100) == Array("last".utf8))
        for _ in 0..<3 {
          let isEnd = try await pair.server.receive() == nil
          #expect(isEnd)
        }
        #expect(try await pair.server.receiveIntoMemory(of: 8).isEmpty)
        // The other direction is still open.
        try await pair.server.send("reply")
        #expect(try await pair.client.receive(exactly: 5) == Array("reply".utf8))
        #expect(await socketErrno { try await pair.client.send("more") } == .brokenPipe)
      }
    }
  }

  @Test(arguments: Backends.available)
  func ipv6AndAddresses(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: SocketAddress("[::1]:0"), on: loop)
      #expect(listener.address.isIPv6 && listener.address.port != 0)
      let accepting = start(on: loop) { try await listener.accept() }
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let server = try await accepting.value
      #expect(try await client.localAddress == server.remoteAddress)
      #expect(try await client.remoteAddress == server.localAddress)
      #expect(try await server.localAddress == listener.address)
      await client.close()
      await server.close()
      await listener.close()
    }
  }

  @Test(arguments: Backends.available)
  func optionsAreInheritedFromTheListener(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var options = TCPListener.Options()
      options.connection.keepAlive = true
      options.connection.receiveBufferSize = 50_000
      try await Pair.with(loop, options: options) { pair in
        let server = pair.server
        #expect(try await server.option(level: Socket.tcp, name: Socket.noDelay) == 1)
        #expect(try await server.option(level: Socket.socket, name: Socket.keepAlive) == 1)
        #expect(try await server.option(level: Socket.socket, name: Socket.receiveBuffer) == 100_000)
        try await server.setOption(level: Socket.tcp, name: Socket.noDelay, to: 0)
        #expect(try await server.option(level: Socket.tcp, name: Socket.noDelay) == 0)
        // A direct descriptor still works after an ordinary one was installed beside it.
        try await pair.client.send("still")
        #expect(try await server.receive(exactly: 5).count == 5)
      }
    }
  }

  /// A read stops at an urgent mark (tcp(7)), however many bytes wait behind it, and nothing more arrives. The urgent byte
  /// itself is not in the stream.
  @Test(arguments: Backends.available)
  func bytesBehindAnUrgentMarkArrive(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("?")
        #expect(try await pair.server.receive(exactly: 1).count == 1)
        for _ in 0..<3 {
          // All of it before the loop looks.
          let number = pair.client.socket.descriptor.number
          #expect(send(number, "before", 6, 0) == 6)
          #expect(send(number, "!", 1, Int32(MSG_OOB)) == 1)
          #expect(send(number, "behind", 6, 0) == 6)
          let received = try await withTimeout(.seconds(10)) { try await pair.server.receive(exactly: 12) }
          #expect(received == Array("beforebehind".utf8))
        }
      }
    }
  }
}
