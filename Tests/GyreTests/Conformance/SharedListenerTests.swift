import Glibc
import Testing

@testable import Gyre

/// Listeners that accept from the same socket: what one leaves, another takes.
@Suite(.serialized)
struct SharedListenerTests {
  /// The kernel wakes one of those that wait. If that one stops just then, nobody would come for the connection until
  /// the next one arrives.
  @Test(arguments: Backends.available, [true, false])
  func aConnectionThatWokeAListenerWhichStopsIsServed(_ backend: Backend, _ oneAtATime: Bool) async throws {
    try await withLoops([backend, backend]) { loops in
      let socket = try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())
      let copy = try ListeningSockets.duplicate(socket)
      let stopping = try TCPListener.adopt(socket, on: loops[0], isShared: oneAtATime)
      let staying = try TCPListener.adopt(copy, on: loops[1], isShared: oneAtATime)
      let first = try await Self.serve(stopping)
      let second = try await Self.serve(staying)

      let client = try Self.connectAndStop(stopping)
      let connection = TCPConnection.adopt(client, on: loops[1])
      let answer = try await withTimeout(Patience.seconds(10)) { try await connection.receive()?.text }
      #expect(answer == "served")
      try await first.value
      await connection.close()
      staying.stopAccepting()
      try await second.value
      await stopping.close()
      await staying.close()
    }
  }

  /// What had waited in the kernel's queue is served too, and what comes later is refused, while handlers still run.
  @Test(arguments: Backends.available)
  func whatWaitsWhenAListenerStopsIsServed(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<300 { clients.append(try await .connect(to: listener.address, on: loop)) }
      let serving = Task {
        try await listener.serve { connection in
          try await connection.send("served")
          while try await connection.receive()?.count != nil {}
        }
      }
      listener.stopAccepting()
      for client in clients { #expect(try await client.receive()?.text == "served") }
      try await Self.expectRefusals(at: listener.address, on: loop)
      for client in clients { await client.close() }
      try await serving.value
      await listener.close()
    }
  }

  /// Connects until that is refused.
  private static func expectRefusals(at address: SocketAddress, on loop: EventLoop) async throws {
    try await withTimeout(Patience.seconds(20)) {
      do {
        while true { try await TCPConnection.withConnection(to: address, on: loop) { _ in } }
      } catch let error as SocketError {
        #expect(error.errno == .connectionRefused)
      }
    }
  }

  /// Serves, and returns when the accept is in the kernel.
  private static func serve(_ listener: TCPListener) async throws -> Task<Void, any Error> {
    let task = Task(executorPreference: listener.loop.taskExecutor) {
      try await listener.serve { try await $0.send("served") }
    }
    // What the task has submitted by the end of one turn is the kernel's in the next.
    while try await listener.loop.queues.inKernel == 0 { try await listener.loop.sleep(for: .milliseconds(1)) }
    try await listener.loop.sleep(for: .milliseconds(1))
    return task
  }

  /// Connects and stops the listener on its own thread within one turn, so that it learns of both together.
  private static func connectAndStop(_ listener: TCPListener) throws -> Int32 {
    #expect(listener.loop.isCurrent)
    let client = try SystemSocket.make(for: listener.address, flags: 0)
    do {
      let result = listener.address.withSockaddr { connect(client, $0, $1) }
      try #require(result == 0, "\(Errno.current)")
    } catch {
      close(client)
      throw error
    }
    listener.stopAccepting()
    return client
  }
}
