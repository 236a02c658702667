import CLiburing
import Testing

@testable import Gyre

/// Wherever a task is when it suspends on its loop, it goes on there, with what it had.
@Suite(.serialized)
struct SuspendingTests {
  private actor Resident {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
    private(set) var messages = 0

    init(loop: EventLoop) { self.loop = loop }

    func echo(_ connection: TCPConnection) async throws {
      while let chunk = try await connection.receive() {
        assertIsolated()
        messages += 1
        try await connection.send(chunk)
        assertIsolated()
      }
    }
  }

  /// On no loop: the runtime lets one task in at a time, and the next one while that one waits.
  private actor Visitor {
    private(set) var messages = 0
    private var isInside = false

    func echo(_ connection: TCPConnection) async throws {
      while let chunk = try await connection.receive() {
        #expect(!isInside)
        isInside = true
        messages += 1
        isInside = false
        try await connection.send(chunk)
      }
    }
  }

  private final class Box {
    var value = 0
  }

  @TaskLocal private static var number = 0

  /// Echoes with `handler` while clients of the same loop send and receive in turn.
  private func echo(
    on loop: EventLoop,
    _ handler: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws {
    let failures = try await EchoTraffic(loop: loop, connections: 8, messages: 20, handler: handler).run()
    #expect(failures.isEmpty)
  }

  @Test(arguments: Backends.available)
  func onAnActorOfTheLoop(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let resident = Resident(loop: loop)
      try await echo(on: loop) { try await resident.echo($0) }
      #expect(await resident.messages >= 8 * 20)
    }
  }

  /// The runtime that is loaded is looked at, and tried. One that Gyre does not know gets continuations.
  @Test(arguments: Backends.available)
  func withContinuationsWhereTheRuntimeIsNotKnown(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      #expect(LoadedRuntime.isKnown && gyre_suspends_tasks(), "this compiler's own runtime")
      gyre_set_suspends_tasks(false)
      defer { gyre_set_suspends_tasks(true) }
      try await echo(on: loop) { connection in
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    }
  }

  @Test(arguments: Backends.available)
  func onAnActorOfTheRuntime(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let visitor = Visitor()
      try await echo(on: loop) { try await visitor.echo($0) }
      #expect(await visitor.messages >= 8 * 20)
    }
  }

  /// An access to memory that lasts while its task is suspended belongs to the task and not to the thread.
  @Test(arguments: Backends.available)
  func withAnAccessThatLasts(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await echo(on: loop) { connection in
        let box = Box()
        try await SuspendingTests.count(&box.value, on: connection)
        #expect(box.value >= 20)
      }
    }
  }

  private static func count(_ messages: inout Int, on connection: TCPConnection) async throws {
    while let chunk = try await connection.receive() {
      messages += 1
      try await connection.send(chunk)
    }
  }

  @Test(arguments: Backends.available)
  func withValuesOfTheTask(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await echo(on: loop) { connection in
        let number = Int(try await connection.remoteAddress.port)
        try await SuspendingTests.$number.withValue(number) {
          while let chunk = try await connection.receive() {
            #expect(SuspendingTests.number == number)
            try await connection.send(chunk)
            #expect(SuspendingTests.number == number)
          }
        }
      }
    }
  }

  /// A task that begins at once, within the job of another one, gives the thread back to that one when it suspends.
  @Test(arguments: Backends.available)
  func inATaskThatBeginsAtOnce(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let (client, server) = (pair.client, pair.server)
        let task = Task.immediate(executorPreference: loop.taskExecutor) {
          try await client.withScope { try await $0.receive(exactly: 5) }
        }
        #expect(loop.isCurrent && client.socket.isAwaited)
        try await server.send("hello")
        #expect(try await task.value == Array("hello".utf8))
        #expect(loop.isCurrent)
      }
    }
  }
}
