import Foundation
import Glibc
import Testing

@testable import Gyre

@Suite struct CommandEchoTests {
  @Test(arguments: Backends.available)
  func loadGetsEveryByteBack(backend: Backend) async throws {
    try await CommandProgram.with(["echo", "--backend", backend.rawValue, "--stats"]) { echo in
      let port = try await echo.port()
      #expect(try await echo.line() == "backend \(backend) (asked for)")
      let load = try await CommandProgram.run(
        "load",
        "--port",
        port,
        "--backend",
        backend.rawValue,
        "--connections",
        "8",
        "--seconds",
        "0.2",
        "--warmup",
        "0.05",
        "--json"
      )
      #expect(load.status == 0)
      let object = try load.object()
      #expect(object["backend"] as? String == backend.rawValue)
      #expect((object["requests"] as? Int ?? 0) > 0)
      #expect(object["errors"] as? Int == 0)
      echo.signal(SIGTERM)
      let ending = try await echo.ending()
      #expect(ending.status == 0)
      #expect(ending.errors == "")
      #expect(ending.output.contains("connections"))
    }
  }

  @Test(arguments: ["txt", "json"])
  func theTraceIsWrittenWhenTheLastOfItsConnectionsIsClosed(kind: String) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("gyre-\(UUID()).\(kind)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await CommandProgram.with(["echo", "--trace", path, "--trace-connections", "2"]) { echo in
      let address = try SocketAddress("127.0.0.1:" + (try await echo.port()))
      _ = try await echo.line()
      for _ in 0..<2 {
        try await TCPConnection.withConnection(to: address) { connection in
          try await connection.send("hello")
          #expect(try await connection.receive()?.text == "hello")
        }
      }
      #expect(try await echo.line().hasPrefix("trace of 2 connections in \(path)"))
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.hasPrefix(kind == "json" ? "{" : "connection 1 from 127.0.0.1:"))
      echo.signal(SIGTERM)
      #expect(try await echo.ending().output == "")
    }
  }

  @Test func theTraceIsWrittenAtTheEndIfConnectionsAreMissing() async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("gyre-\(UUID()).txt").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await CommandProgram.with(["echo", "--trace", path]) { echo in
      _ = try await echo.port()
      echo.signal(SIGTERM)
      #expect(try await echo.ending().output.contains("trace of 0 connections in \(path)"))
    }
  }

  @Test func aPathThatCannotBeListenedAtIsNamed() async throws {
    let ending = try await CommandProgram.run("echo", "--inspect", "/nonexistent/echo.sock")
    #expect(ending.status == 64)
    #expect(ending.errors.contains("--inspect: cannot listen at /nonexistent/echo.sock: ENOENT"), "\(ending.errors)")
  }

  @Test func aTraceThatCannotBeWrittenIsAnErrorAtTheStart() async throws {
    let ending = try await CommandProgram.run("echo", "--trace", "/nonexistent/trace.json")
    #expect(ending.status != 0 && ending.output == "")
    #expect(ending.errors.contains("cannot write /nonexistent/trace.json: ENOENT"))
    #expect(try await CommandProgram.run("echo", "--trace-connections", "0").errors.contains("use 1 or more"))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func aSignalEndsItWithAConnectionOpen(signal: Int32) async throws {
    try await CommandProgram.with(["echo"]) { echo in
      let connection = try await TCPConnection.connect(to: SocketAddress("127.0.0.1:" + echo.port()))
      try await connection.send("hello")
      #expect(try await connection.receive()?.text == "hello")
      echo.signal(signal)
      #expect(try await echo.ending().status == 0)
      #expect(try await connection.receive()?.text == nil)
      await connection.close()
    }
  }

  @Test func aSecondSignalEndsItAtOnce() async throws {
    try await CommandProgram.with(["echo"]) { echo in
      let address = try SocketAddress("127.0.0.1:" + (try await echo.port()))
      let connection = try await TCPConnection.connect(to: address)
      echo.signal(SIGTERM)
      // The first signal has been taken when nobody listens any more; before that, a second would be the same one.
      try await withTimeout(Patience.seconds(5)) {
        while let other = try? await TCPConnection.connect(to: address) { await other.close() }
      }
      echo.signal(SIGTERM)
      #expect(try await echo.ending().signal == SIGTERM)
      await connection.close()
    }
  }

  @Test(arguments: ["EPERM", "ENOSYS"])
  func aFallbackIsToldOfOnce(error: String) async throws {
    try await CommandProgram.with(["echo"], denied: error) { echo in
      let port = try await echo.port()
      let backend = try await echo.line()
      #expect(backend.hasPrefix("backend epoll (automatic choice: io_uring is not available: \(error)"))
      let load = try await CommandProgram.run("load", "--port", port, "--seconds", "0.1", "--warmup", "0", "--json")
      #expect(load.status == 0)
      echo.signal(SIGTERM)
      let ending = try await echo.ending()
      #expect(ending.status == 0)
      #expect(ending.errors.split(separator: "\n").count == 1)
      #expect(ending.errors.contains("using epoll: io_uring is not available: \(error)"))
    }
  }

  @Test func aDeniedBackendThatIsForcedIsAnError() async throws {
    let echo = try await CommandProgram.run("echo", "--backend", "uring", denied: "EPERM")
    #expect(echo.status == 1)
    #expect(echo.output == "")
    #expect(echo.errors.hasPrefix("Error: io_uring is not available: EPERM (Operation not permitted)."))
  }

  @Test func aPortInUseIsAnError() async throws {
    try await CommandProgram.with(["echo"]) { first in
      let second = try await CommandProgram.run("echo", "--port", try await first.port())
      #expect(second.status == 1)
      #expect(second.errors.contains("EADDRINUSE"))
    }
  }

  @Test(arguments: [
    (["--host", "nowhere"], "--host: \"nowhere\" is no numeric address"),
    (["--port", "65536"], "'65536' is invalid for '--port <port>'"),
    (["--backend", "kqueue"], "Please provide one of 'auto', 'uring' or 'epoll'"),
    (["--speed", "fast"], "Unknown option '--speed'"),
  ])
  func badArgumentsGetAClearError(arguments: [String], message: String) async throws {
    try await CommandProgram.with(["echo"] + arguments) { echo in
      let ending = try await echo.ending()
      #expect(ending.status == EX_USAGE)
      #expect(ending.errors.contains(message))
    }
  }
}
