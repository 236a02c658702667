import Foundation
import Glibc
import Gyre
import Testing

/// An example, running in a process of its own.
struct ExampleProgram {
  /// Where it listens.
  let address: SocketAddress

  /// The backends that this machine lets programs have.
  static let backends = Backend.allCases.filter { backend in
    let choice: BackendChoice = backend == .uring ? .uring : .epoll
    return (try? EventLoop.run(EventLoop.Configuration(backend: choice)) {}) != nil
  }

  /// Starts an example on a free port, runs `body` on an event loop of this process, and ends both.
  ///
  /// - Parameter arguments: what comes after the port.
  static func run(
    _ name: String,
    _ arguments: String...,
    backend: Backend,
    _ body: @escaping @Sendable (ExampleProgram) async throws -> Void
  ) async throws {
    let (process, output) = try start(name, ["0"] + arguments, backend: backend)
    defer { end(process) }
    let program = ExampleProgram(address: try listeningAddress(output))
    let loop = try EventLoop.start()
    let result = await onLoop(loop) { try await withTimeout(.seconds(30)) { try await body(program) } }
    await loop.shutdown()
    try result.get()
  }

  /// Runs an example that is to fail at once: its exit status, and what it said.
  static func failure(_ name: String, _ arguments: [String]) throws -> (status: Int32, message: String) {
    let process = process(name, arguments)
    let errors = Foundation.Pipe()
    process.standardError = errors
    try process.run()
    defer { end(process) }
    let message = try text(of: errors, until: nil)
    process.waitUntilExit()
    return (process.terminationStatus, message)
  }

  func connect(_ options: TCPOptions = TCPOptions()) async throws -> TCPConnection {
    try await TCPConnection.connect(to: address, options: options)
  }

  // MARK: Processes

  private static func process(_ name: String, _ arguments: [String]) -> Process {
    let process = Process()
    // The package manager puts the programs beside the tests.
    let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    process.executableURL = directory.appendingPathComponent(name)
    process.arguments = arguments
    return process
  }

  private static func start(
    _ name: String,
    _ arguments: [String],
    backend: Backend
  ) throws -> (Process, Foundation.Pipe) {
    let process = process(name, arguments)
    process.environment = ProcessInfo.processInfo.environment.merging(["GYRE_BACKEND": backend.rawValue]) { $1 }
    let output = Foundation.Pipe()
    process.standardOutput = output
    // What it says about clients that broke off belongs to no test's output.
    process.standardError = FileHandle.nullDevice
    try process.run()
    return (process, output)
  }

  private static func end(_ process: Process) {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  private static func onLoop(
    _ loop: EventLoop,
    _ body: @escaping @Sendable () async throws -> Void
  ) async -> Result<Void, any Error> {
    await Task(executorPreference: loop.taskExecutor) { try await body() }.result
  }

  // MARK: Output

  private static func listeningAddress(_ output: Foundation.Pipe) throws -> SocketAddress {
    let line = try text(of: output, until: "\n")
    let prefix = "listening on "
    try #require(line.hasPrefix(prefix), "the program said “\(line)”")
    let address = line.dropFirst(prefix.count).prefix { !$0.isWhitespace && $0 != "," }
    return try SocketAddress(String(address))
  }

  /// What a program writes until `end` comes or it closes its output; the wait for each part is bounded.
  private static func text(of pipe: Foundation.Pipe, until end: Character?) throws -> String {
    let descriptor = pipe.fileHandleForReading.fileDescriptor
    var text = ""
    while end.map({ !text.contains($0) }) ?? true {
      var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      try #require(poll(&readable, 1, 20_000) == 1, "the program says nothing more after “\(text)”")
      let data = pipe.fileHandleForReading.availableData
      if data.isEmpty { break }
      text += String(decoding: data, as: UTF8.self)
    }
    return text
  }
}
