import Foundation
import Glibc
import Testing

@testable import Gyre

/// What a server makes of an environment that somebody else has set.
@Suite(.serialized)
struct ServerEnvironmentTests {
  private struct Ending {
    let status: Int32
    let isSignal: Bool
    let errors: String
  }

  /// Runs a command of the shell's, in which `$@` is the fixture, until it ends or listens, and ends it then.
  private func run(_ command: String, _ backend: Backend) throws -> Ending {
    let (process, input, output, errors) = (Process(), Foundation.Pipe(), Foundation.Pipe(), Foundation.Pipe())
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command, "sh", ServerProcess.path, "--pattern", "single", "--backend", backend.rawValue]
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
    try process.run()
    // Something to read is the line that says where it listens; the end of the stream is the process's.
    _ = output.fileHandleForReading.availableData
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    return Ending(
      status: process.terminationStatus,
      isSignal: process.terminationReason == .uncaughtSignal,
      errors: String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    )
  }

  /// What the fixture exits with when its input ends.
  private static let listened: Int32 = 3

  @Test(arguments: Backends.available, ["2147483647", "2147483645", "100000", "1", "-1", "99999999999", "many", "+-"])
  func aCountOfPassedSocketsThatIsWrongIsAClearError(_ backend: Backend, _ count: String) throws {
    let ending = try run("LISTEN_FDS=\(count) LISTEN_PID=$$ exec \"$@\"", backend)
    #expect(!ending.isSignal && ending.status == 1)
    #expect(ending.errors.contains("LISTEN_FDS is"), "\(ending.errors)")
  }

  /// A unit file may have a path beside the ports. It would fail in every worker, again and again.
  @Test(arguments: Backends.available, ["single", "processes-shared", "process-per-connection"])
  func aPassedSocketThatIsNotOfTCPIsAClearError(_ backend: Backend, _ pattern: String) throws {
    let listening = try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())
    let other = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { for socket in [listening, other] { close(socket) } }
    // Without a path it gets an abstract address.
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_UNIX)
    #expect(bind(other, &address, socklen_t(MemoryLayout<sa_family_t>.size)) == 0 && listen(other, 1) == 0)
    let refusal = #expect(throws: ServerProcessError.self) {
      try ServerProcess.tryStarting(pattern, [], backend, listening: [listening, other]).get()
    }
    #expect(refusal?.description.contains("LISTEN_FDS is 2, but descriptor 4 is no TCP socket") == true, "\(refusal)")
  }

  @Test(
    arguments: Backends.available,
    ["LISTEN_FDS=0 LISTEN_PID=$$", "LISTEN_FDS=9 LISTEN_PID=1", "LISTEN_FDS= LISTEN_PID="]
  )
  func whatIsForSomebodyElseIsPassedOver(_ backend: Backend, _ variables: String) throws {
    let ending = try run("\(variables) exec \"$@\"", backend)
    #expect(!ending.isSignal && ending.status == ServerEnvironmentTests.listened, "\(ending.errors)")
  }

  @Test(arguments: [
    "1:listeners:99999999999", "1:listeners:-1", "1:listeners:0", "-1:connection:1", "99999999999:x:1", ":",
  ])
  func aWorkersVariableThatIsWrongIsAClearError(_ value: String) throws {
    let command = "GYRE_WORKER=\(value) exec \"$@\""
    let ending = try run(command + " --pattern processes-shared", .epoll)
    #expect(!ending.isSignal && ending.status == 1)
    #expect(ending.errors.contains("GYRE_WORKER is “\(value)”"), "\(ending.errors)")
  }

  /// Or its first sockets would take the numbers, and a client would get what is printed.
  @Test(arguments: Backends.available, ["single", "processes-shared", "process-per-connection"])
  func closedStandardDescriptorsBecomeNoSockets(_ backend: Backend, _ pattern: String) async throws {
    let listening = try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())
    defer { close(listening) }
    let server = try ServerProcess(pattern, [], backend, listening: [listening], closesOutput: true)
    try await onServerLoop {
      // What the end of a process makes its supervisor log comes to nobody.
      if pattern != "single" {
        let client = try await ServerClient.connect(to: server)
        try await client.connection.send("abort\n")
        #expect((try? await client.answer()) == nil)
        await client.close()
      }
      let client = try await ServerClient.connect(to: server)
      for number in 0..<8 { #expect(try await client.ask("message \(number)") == "message \(number)") }
      for process in [server.number] + server.children {
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
          let target = ServerEnvironmentTests.target(of: descriptor, in: process)
          // The one that ended has none any more, and may not be reaped yet.
          #expect(target == "/dev/null" || target.isEmpty && process != server.number)
        }
      }
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  private static func target(of descriptor: Int32, in process: pid_t) -> String {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = path.withUnsafeMutableBytes { readlink("/proc/\(process)/fd/\(descriptor)", $0.baseAddress!, $0.count) }
    return String(decoding: path.prefix(max(count, 0)), as: UTF8.self)
  }

  /// Once, and not in every worker again and again.
  @Test(arguments: ["processes-shared", "process-per-connection"])
  func whatNoWorkerCouldUseIsAnErrorOfTheSupervisor(_ pattern: String) throws {
    let backend = try run("GYRE_BACKEND=kqueue exec \"$1\" --pattern \(pattern) --backend auto", .epoll)
    #expect(!backend.isSignal && backend.status == 1 && backend.errors.contains("GYRE_BACKEND is “kqueue”"))
    let deny = ServerProcess.path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/deny-call"
    let watch = try run("exec \(deny) pidfd_open=EPERM \"$1\" --pattern \(pattern) --backend epoll", .epoll)
    #expect(!watch.isSignal && watch.status == 1, "\(watch.status)")
    let failure = "no worker process can be started from \(ServerProcess.path): EPERM"
    #expect(watch.errors.contains(failure), "\(watch.errors)")
    #expect(watch.errors.contains("whether a seccomp profile denies pidfd_open(2)"), "\(watch.errors)")
  }

  /// What is no text in UTF-8 stays what it is.
  @Test(arguments: Backends.available, ["processes-shared", "process-per-connection"])
  func workersGetArgumentsAndVariablesByteForByte(_ backend: Backend, _ pattern: String) async throws {
    let prelude = "export BYTES=\"$(printf 'a\\377b')\"; set -- \"$@\" --stall \"$(printf '/proc/\\376\\377')\""
    let server = try ServerProcess(pattern, [], backend, prelude: prelude)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      let worker = try await client.executor().process
      let arguments = ServerProcess.bytes(of: "/proc/\(worker)/cmdline")
      #expect(arguments == ServerProcess.bytes(of: "/proc/\(server.number)/cmdline"))
      #expect(arguments.split(separator: 0).last.map(Array.init) == Array("/proc/".utf8) + [0xfe, 0xff])
      let variables = ServerProcess.bytes(of: "/proc/\(worker)/environ").split(separator: 0).map(Array.init)
      #expect(variables.contains(Array("BYTES=a".utf8) + [0xff] + Array("b".utf8)))
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// A service manager has it ignored unless it is told otherwise. Under every pattern a handler is told that nobody reads.
  @Test(arguments: Backends.available, ["single", "processes-shared", "processes-reuseport", "process-per-connection"])
  func anIgnoredSIGPIPEIsIgnoredInWorkersToo(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, [], backend, prelude: "trap '' PIPE")
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect((try? await client.ask("broken")) == "EPIPE")
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Nobody else's choice is changed: it ends a process as it does without Gyre.
  @Test(arguments: Backends.available, ["processes-shared", "process-per-connection"])
  func anOrdinarySIGPIPEEndsAWorker(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, [], backend)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect((try? await client.ask("broken")) == nil)
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Or it would keep the port, or the client's connection, for as long as it lives.
  @Test(
    arguments: Backends.available,
    ["processes-shared", "processes-reuseport", "process-per-connection", "single", "sharedListener"]
  )
  func aProgramThatStartsBeforeTheServerInheritsNoSocket(_ backend: Backend, _ pattern: String) async throws {
    let listening = try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())
    defer { close(listening) }
    for passed in [[], [listening]] {
      let server = try ServerProcess(pattern, ["--helper"], backend, listening: passed)
      try await onServerLoop {
        let client = try await ServerClient.connect(to: server)
        #expect(try await client.ask("helper") == "0 1 2")
        await client.close()
      }
      server.signal(SIGTERM)
      #expect(try server.ending() == 0)
    }
  }

  @Test
  func aBackendThatIsNoneIsAClearError() throws {
    let ending = try run("GYRE_BACKEND=kqueue exec \"$1\" --pattern single --backend auto", .epoll)
    #expect(!ending.isSignal && ending.status == 1 && ending.errors.contains("GYRE_BACKEND is “kqueue”"))
  }
}
