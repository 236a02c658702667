import Testing

@testable import Gyre

/// Listeners that leave a connection half open until its client has sent something.
@Suite(.serialized) struct DeferAcceptTests {
  @Test(arguments: Backends.available)
  func aSilentClientStaysInTheSynQueue(backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var options = TCPListener.Options()
      options.deferAccept = .seconds(30)
      let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
      let accepting = Task { try await listener.accept() }
      let client = try await TCPConnection.connect(to: listener.address)
      let silent = try listener.queues(including: .synQueue)
      #expect(silent.synQueue == 1)
      #expect(silent.acceptQueue == 0)
      try await client.send("hello")
      let server = try await accepting.value
      #expect(try await server.receive()?.text == "hello")
      #expect(try listener.queues(including: .synQueue).synQueue == 0)
      await server.close()
      await client.close()
      await listener.close()
    }
  }

  @Test(arguments: [.zero, .milliseconds(999), .seconds(3601)] as [Duration])
  func aTimeOutOfRangeIsAnError(time: Duration) {
    var options = TCPListener.Options()
    options.deferAccept = time
    #expect(throws: ConfigurationError.self) { _ = try TCPListener.bind(to: .loopback(port: 0), options: options) }
  }
}
