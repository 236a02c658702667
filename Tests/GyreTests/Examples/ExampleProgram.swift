import Glibc
import Gyre
import Testing

/// An example, running in a process of its own.
struct ExampleProgram {
  /// Where it listens.
  let address: SocketAddress

  static var backends: [Backend] { Backends.available }

  /// Starts an example on a free port, runs `body` on an event loop of this process, and ends the example.
  ///
  /// - Parameters:
  ///   - arguments: what comes after the port.
  ///   - prelude: what a shell does before it becomes the example.
  static func run(
    _ name: String,
    _ arguments: String...,
    backend: Backend,
    prelude: String? = nil,
    _ body: @escaping @Sendable (ExampleProgram) async throws -> Void
  ) async throws {
    // What it says about clients that broke off belongs to no test's output.
    let process = try ExampleProcess(name, ["0"] + arguments, backend, reading: STDOUT_FILENO, prelude: prelude)
    defer { process.end() }
    let program = ExampleProgram(address: try listeningAddress(process))
    try await onLoop { try await body(program) }
  }

  /// Runs `body` on the caller's event loop, or else on one that lives as long as `body`.
  static func onLoop(_ body: @escaping @Sendable () async throws -> Void) async throws {
    guard EventLoop.current == nil else { return try await body() }
    let loop = try EventLoop.start()
    let task = Task(executorPreference: loop.taskExecutor) { try await withTimeout(Patience.seconds(30), body) }
    let result = await task.result
    await loop.shutdown()
    try result.get()
  }

  /// Runs an example that is to fail at once: its exit status, and what it said.
  static func failure(_ name: String, _ arguments: [String]) throws -> (status: Int32, message: String) {
    // Forced, so that a fallback from io_uring is not told of beside the error.
    let process = try ExampleProcess(name, arguments, .epoll, reading: STDERR_FILENO)
    let message = try process.text(untilLineEnd: false)
    return (process.wait(), message)
  }

  func connect(_ options: TCPOptions = TCPOptions()) async throws -> TCPConnection {
    try await TCPConnection.connect(to: address, options: options)
  }

  private static func listeningAddress(_ process: ExampleProcess) throws -> SocketAddress {
    let line = try process.text(untilLineEnd: true)
    let prefix = "listening on "
    try #require(line.hasPrefix(prefix), "the program said “\(line)”")
    let address = line.dropFirst(prefix.count).prefix { !$0.isWhitespace && $0 != "," }
    return try SocketAddress(String(address))
  }
}
