import CLiburing
import Glibc
import Synchronization
import Testing

@testable import Gyre

/// A handler that is isolated to an actor of the runtime's goes on, after each suspension, on whichever thread drains that
/// actor. What belongs to the loop is touched on the loop's thread all the same: debug builds assert it, ThreadSanitizer
/// sees it, and no byte is lost.
@Suite(.serialized)
struct ActorHandlerTests {
  @concurrent
  private static func leaveTheActor() async {}

  /// An actor without an executor of its own.
  private actor Hub {
    /// Echoes, after an operation that begins on the loop's thread.
    func handle(_ connection: TCPConnection, _ first: Suspended, _ takenOver: Shared<Int>) async throws {
      // To the preferred loop, and back to the actor on the loop's thread.
      await ActorHandlerTests.leaveTheActor()
      #expect(connection.loop.isCurrent && gyre_is_on_actor())
      try await ActorHandlerTests.perform(first, on: connection)
      if !connection.loop.isCurrent { takenOver.update { $0 += 1 } }
      try await ActorHandlerTests.echo(connection)
    }

    /// Keeps the actor, and a thread of the stock executor, until `isReleased`. Then that thread goes on with whatever has
    /// become ready on the actor meanwhile.
    func occupy(_ isInside: Flag, until isReleased: Flag) {
      isInside.raise()
      isReleased.waitBlocking()
    }
  }

  private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
    func waitBlocking() { while !isRaised { sched_yield() } }
  }

  /// Which operation is suspended while another thread takes the actor over.
  enum Suspended: String, CaseIterable, CustomTestStringConvertible {
    case receive, receiveInto, exchange, send, tracedReceive
    var testDescription: String { rawValue }
  }

  @Test(arguments: Backends.available, Suspended.allCases)
  func anActorsThreadTakesOver(_ backend: Backend, _ operation: Suspended) async throws {
    let takenOver = Shared(0)
    try await withLoop(backend) { loop in
      for round in 0..<20 {
        try await Pair.with(loop) { pair in
          let (client, server) = (pair.client, pair.server)
          let (hub, isInside, isReleased) = (Hub(), Flag(), Flag())
          if operation == .tracedReceive { server.trace(to: try HandoffTrace()) }
          let handling = start(on: loop) {
            try await server.withScope { try await hub.handle($0, operation, takenOver) }
          }
          try await eventually("it waits") { server.socket.isAwaited }
          let occupying = Task.detached { await hub.occupy(isInside, until: isReleased) }
          try await eventually("the actor is taken") { isInside.isRaised }
          try await ActorHandlerTests.complete(operation, from: client)
          try await eventually("it is resumed") { !server.socket.isAwaited }
          isReleased.raise()
          await occupying.value
          // More bytes come while the other thread goes on.
          try await ActorHandlerTests.check(client, from: UInt8(round))
          try await client.shutdown(.send)
          try await handling.value
        }
      }
    }
    // The other operations need the loop once more, which has the actor for itself by then.
    if operation == .send || operation == .receiveInto {
      #expect(takenOver.value > 0, "no other thread took the actor over: nothing was tested")
    }
  }

  private static let large = [UInt8](repeating: 7, count: 16 << 20)

  /// What suspends until `complete`.
  private static func perform(_ operation: Suspended, on server: TCPConnection) async throws {
    switch operation {
    case .receive, .tracedReceive: #expect(try await server.receive()?.copy() == [1])
    case .receiveInto: #expect(try await server.receiveIntoMemory(of: 1) == [1])
    case .exchange: #expect(try await server.exchange([9])?.copy() == [1])
    case .send: try await server.send(large)
    }
  }

  private static func complete(_ operation: Suspended, from client: TCPConnection) async throws {
    switch operation {
    case .receive, .tracedReceive, .receiveInto: try await client.send([1])
    case .exchange:
      #expect(try await client.receive()?.copy() == [9])
      try await client.send([1])
    case .send: #expect(try await client.receive(exactly: large.count).count == large.count)
    }
  }

  private static func echo(_ server: TCPConnection) async throws {
    var next = try await server.receive()
    while let chunk = next.take() {
      try await server.send(chunk)
      next = try await server.receive()
    }
  }

  /// Sends small pieces of consecutive bytes, and compares what comes back.
  private static func check(_ client: TCPConnection, from first: UInt8) async throws {
    let bytes = (0..<2000).map { first &+ UInt8(truncatingIfNeeded: $0) }
    for start in stride(from: 0, to: bytes.count, by: 100) {
      try await client.send(Array(bytes[start..<(start + 100)]))
    }
    #expect(try await client.receive(exactly: bytes.count) == bytes)
  }
}
