import ArgumentParser
import Glibc
import Gyre

/// Mixed traffic for a while, with what a long-running server would leak on display: exits with 1 if anything grew.
@main
struct Soak: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gyre-soak",
    abstract: "Runs mixed traffic with random cancels, connects and closes, and fails if memory or descriptors grow."
  )

  @Option(help: "How long to run, in seconds.")
  var seconds = 60

  @Option(help: "uring or epoll.")
  var backend = "uring"

  @Option(help: "Connections at a time.")
  var connections = 48

  @Option(help: "The seed of all random choices.")
  var seed: UInt64 = 20_261_123

  func validate() throws {
    guard BackendChoice(rawValue: backend) != nil else { throw ValidationError("--backend is uring or epoll") }
    guard (1...1_000_000).contains(seconds) else { throw ValidationError("--seconds is 1 or more") }
    guard (1...1000).contains(connections) else { throw ValidationError("--connections is 1 to 1000") }
  }

  func run() throws {
    let configuration = EventLoop.Configuration(backend: BackendChoice(rawValue: backend)!)
    let (seconds, connections, seed) = (seconds, connections, seed)
    print("soak on \(backend), \(seconds) s, \(connections) connections, seed \(seed)")
    let verdict = try EventLoop.run(configuration) {
      try await SoakRun(seconds: seconds, connections: connections, seed: seed).run()
    }
    print(
      verdict.isEmpty ? "soak on \(backend): nothing grew" : "soak on \(backend): \(verdict.joined(separator: "; "))"
    )
    if !verdict.isEmpty { throw ExitCode(1) }
  }
}
