import Testing

@testable import Gyre

/// The tasks of a server's handlers are waited for, cancelled, and given what a group's children would be given.
@Suite(.serialized)
struct HandlerTasksTests {
  @TaskLocal private static var tenant = "nobody"

  private struct Failure: Error {}

  @Test func aPlaceIsUsedAgain() async throws {
    try await HandlerTasks.withScope { tasks in
      for round in 0..<1000 {
        let place = tasks.reserve()
        #expect(place == 0)
        // Before it is kept, and after it.
        if round % 2 == 0 { tasks.leave(place) }
        tasks.keep(Task {}, at: place)
        if round % 2 == 1 { tasks.leave(place) }
      }
    }
  }

  @Test func aScopeThatThrowsCancelsAndWaits() async throws {
    let ended = Shared(0)
    await #expect(throws: Failure.self) {
      try await HandlerTasks.withScope { tasks in
        for _ in 0..<10 { HandlerTasksTests.add(to: tasks, ended) }
        throw Failure()
      }
    }
    #expect(ended.value == 10)
  }

  @Test func whatIsAddedAfterTheCancellationIsCancelledToo() async throws {
    let ended = Shared(0)
    let task = Task {
      try await HandlerTasks.withScope { tasks in
        while !Task.isCancelled { await Task.yield() }
        HandlerTasksTests.add(to: tasks, ended)
      }
    }
    task.cancel()
    try await task.value
    #expect(ended.value == 1)
  }

  /// A task that ends when it is cancelled.
  private static func add(to tasks: HandlerTasks, _ ended: Shared<Int>) {
    let place = tasks.reserve()
    let task = Task {
      try? await Task.sleep(for: .seconds(600))
      ended.update { $0 += 1 }
      tasks.leave(place)
    }
    tasks.keep(task, at: place)
  }

  @Test(arguments: Backends.available)
  func handlersInheritWhatTheirServerHas(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let seen = Shared<(String, TaskPriority)?>(nil)
      let serving = Task(executorPreference: loop.taskExecutor, priority: .utility) {
        try await HandlerTasksTests.$tenant.withValue("somebody") {
          try await listener.serve { connection in
            seen.update { $0 = (HandlerTasksTests.tenant, Task.currentPriority) }
            try await connection.send("ready")
          }
        }
      }
      try await TCPConnection.withConnection(to: listener.address, on: loop) { connection in
        let text = try await connection.receive()?.text
        #expect(text == "ready")
      }
      #expect(seen.value?.0 == "somebody")
      #expect(seen.value?.1 == .utility)
      await listener.close()
      try await serving.value
    }
  }

  /// The first handler cancels the server; the second one's task is there and has not run yet.
  @Test(arguments: Backends.available)
  func handlersAreCancelledBeforeTheyBegin(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<20 { clients.append(try await .connect(to: listener.address, on: loop)) }
      let serving = Channel<Task<Void, any Error>>(capacity: 1)
      let answers = Shared(0)
      let task = start(on: loop) {
        try await listener.serve { connection in
          if let task = serving.tryReceive() { task.cancel() }
          try await connection.send("never")
          answers.update { $0 += 1 }
        }
      }
      try await serving.send(task)
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(answers.value == 0)
      for client in clients { await client.close() }
      await listener.close()
    }
  }

  /// Handlers end in another order than they began, many at once, while others come.
  @Test(arguments: Backends.available)
  func manyComeAndGo(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let handled = Shared(0)
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let serving = start(on: loop) {
        try await listener.serve { connection in
          while let chunk = try await connection.receive() { try await connection.send(chunk) }
          handled.update { $0 += 1 }
        }
      }
      try await withThrowingTaskGroup { group in
        for number in 0..<20 {
          group.addTask {
            for round in 0..<20 {
              try await TCPConnection.withConnection(to: listener.address, on: loop) { connection in
                for _ in 0..<((number + round) % 4) {
                  try await connection.send("x")
                  _ = try await connection.receive()
                }
              }
            }
          }
        }
        try await group.waitForAll()
      }
      await listener.close()
      try await serving.value
      #expect(handled.value == 400)
    }
  }
}
