import Glibc
import Testing

@testable import Gyre

@Suite struct CommandLoadTests {
  private static let short = ["--seconds", "0.3", "--warmup", "0", "--json"]
  /// Longer than any test may take: something else has to end it.
  private static let long = ["--seconds", "60", "--warmup", "0"]

  @Test(arguments: Backends.available, [(64, 32), (100_000, 1), (200_000, 2), (1, 1)])
  func sizesAndPipelines(backend: Backend, shape: (size: Int, pipeline: Int)) async throws {
    try await CommandProgram.with(["echo"]) { echo in
      let shape = ["--size", "\(shape.size)", "--pipeline", "\(shape.pipeline)", "--connections", "2"]
      let arguments = ["load", "--port", try await echo.port(), "--backend", backend.rawValue] + shape
      try await CommandProgram.with(arguments + CommandLoadTests.short) { load in
        let ending = try await load.ending()
        #expect(ending.status == 0)
        let object = try ending.object()
        #expect((object["requests"] as? Int ?? 0) > 0)
        #expect(object["errors"] as? Int == 0)
        let latency = try #require(object["latency"] as? [String: Double])
        #expect(latency["p50"]! <= latency["p99"]! && latency["p99"]! <= latency["p99_9"]!)
      }
    }
  }

  @Test func everyKeyIsThere() async throws {
    try await CommandProgram.with(["echo"]) { echo in
      try await CommandProgram.with(["load", "--port", try await echo.port()] + CommandLoadTests.short) { load in
        let object = try await load.ending().object()
        let keys: Set = [
          "address", "backend", "connections", "size", "pipeline", "warmUpSeconds", "seconds", "requests",
          "requestsPerSecond", "latency", "errors", "errorKinds",
        ]
        #expect(Set(object.keys) == keys)
        #expect(
          Set((object["latency"] as? [String: Double] ?? [:]).keys) == ["p50", "p90", "p99", "p99_9", "max", "mean"]
        )
      }
    }
  }

  @Test func nobodyListens() async throws {
    // A port that is bound and does not listen refuses, and nobody else can take it meanwhile.
    try await CommandLoadTests.withBoundPort { port in
      let load = try await CommandProgram.run("load", "--port", port, "--json")
      #expect(load.status == 1)
      #expect(load.output == "")
      #expect(load.errors.contains("connect to 127.0.0.1:\(port): ECONNREFUSED (Connection refused)"))
    }
  }

  @Test(arguments: Backends.available)
  func theServerDisappears(backend: Backend) async throws {
    try await CommandProgram.with(["echo"]) { echo in
      let arguments = ["load", "--port", try await echo.port(), "--backend", backend.rawValue, "--connections", "3"]
      try await CommandProgram.with(arguments + CommandLoadTests.long) { load in
        #expect(try await load.line().hasPrefix("load: 3 connections"))
        echo.signal(SIGKILL)
        let ending = try await load.ending()
        #expect(ending.status == 1)
        #expect(ending.output.contains("ended early: no connection was left"))
        #expect(ending.output.contains(#/errors +3\n/#))
      }
    }
  }

  @Test func aSignalEndsItEarly() async throws {
    try await CommandProgram.with(["echo"]) { echo in
      let arguments = ["load", "--port", try await echo.port(), "--connections", "3"]
      try await CommandProgram.with(arguments + CommandLoadTests.long) { load in
        #expect(try await load.line().hasPrefix("load: 3 connections"))
        load.signal(SIGINT)
        let ending = try await load.ending()
        #expect(ending.status == 0)
        #expect(ending.output.hasSuffix("interrupted\n"))
        #expect(ending.output.contains(#/errors +0\n/#))
      }
    }
  }

  @Test func wrongBytesAreNoticed() async throws {
    let errors = try await CommandLoadTests.errors { connection in
      while let chunk = try await connection.receive() {
        var bytes = chunk.copy()
        bytes[bytes.count / 2] ^= 1
        try await connection.send(bytes)
      }
    }
    #expect(errors == ["bytes came back that were not sent": 2])
  }

  @Test func doubledBytesAreNoticed() async throws {
    let errors = try await CommandLoadTests.errors { connection in
      while let chunk = try await connection.receive() { try await connection.send(chunk.copy() + [1]) }
    }
    #expect(errors == ["bytes came back that were not sent": 2])
  }

  @Test func aServerThatHangsUpIsNoticed() async throws {
    let errors = try await CommandLoadTests.errors { connection in _ = try await connection.receive()?.count }
    #expect(errors == ["the server closed the connection": 2])
  }

  @Test func aServerThatDoesNotAnswerIsNoticed() async throws {
    let errors = try await CommandLoadTests.errors { connection in
      while try await connection.receive()?.count != nil {}
    }
    #expect(errors == ["no answer": 2])
  }

  /// Each answer takes longer than the load lasts.
  @Test func aSlowServerIsNoError() async throws {
    let load = try await CommandLoadTests.load(against: { connection in
      while let chunk = try await connection.receive() {
        try await connection.loop.sleep(for: .milliseconds(2500))
        try await connection.send(chunk)
      }
    })
    #expect(load.status == 0)
    #expect(try load.object()["errors"] as? Int == 0)
  }

  @Test(arguments: [
    ([], "Missing expected argument '--port <port>'"),
    (["--port", "0"], "--port: 0 is no port of a server"),
    (["--port", "7", "--connections", "0"], "--connections: use 1 to 100000, not 0"),
    (["--port", "7", "--size", "0"], "--size: use 1 to 67108864, not 0"),
    (["--port", "7", "--pipeline", "-1"], "--pipeline"),
    (["--port", "7", "--seconds", "nan"], "--seconds: use 0.01 to 86400.0, not nan"),
    (["--port", "7", "--host", "example.org"], "--host: \"example.org\" is no numeric address"),
  ])
  func badArgumentsGetAClearError(arguments: [String], message: String) async throws {
    try await CommandProgram.with(["load"] + arguments) { load in
      let ending = try await load.ending()
      #expect(ending.status == EX_USAGE)
      #expect(ending.errors.contains(message))
    }
  }

  // MARK: Servers

  /// The errors that a load of two connections counts against a server in this process, which is to exit with 1.
  private static func errors(
    against handler: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws -> [String: Int] {
    let load = try await load(against: handler)
    #expect(load.status == 1)
    return try load.object()["errorKinds"] as? [String: Int] ?? [:]
  }

  /// How a short load of two connections against a server in this process ends.
  private static func load(
    against handler: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws -> CommandProgram.Ending {
    let loop = try EventLoop.start()
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    let serving = Task(executorPreference: loop.taskExecutor) { try await listener.serve(handler) }
    let arguments = ["load", "--port", "\(listener.address.port)", "--connections", "2"]
    let load = try await CommandProgram.with(arguments + short) { try await $0.ending() }
    await loop.shutdown()
    _ = await serving.result
    return load
  }

  private static func withBoundPort(_ body: (String) async throws -> Void) async throws {
    let number = try SystemSocket.make(for: .loopback(port: 0), flags: 0)
    defer { close(number) }
    try SystemSocket.bind(number, to: .loopback(port: 0))
    try await body("\(SystemSocket.localAddress(of: number).port)")
  }
}
