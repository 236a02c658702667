import ArgumentParser
import Gyre

/// `gyre load`: requests to an echo server, and how long it takes to answer.
struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Sends requests to an echo server, checks every byte that comes back, and measures.",
    discussion: """
      The load is a closed loop: a request goes out when an earlier one on the same connection has been answered. A \
      request's time is from its first byte sent to its last byte back. At most 64 KiB a connection are under way; \
      what is larger goes out in parts. Ctrl-C ends the measurement early.

      Exits with 0, or with 1 if there was any error.

      With --json the output is one object with these keys:
        address            the server's
        backend            "uring" or "epoll": this side's
        connections, size, pipeline, warmUpSeconds: as asked for
        seconds            the measured window, as it was
        requests           answered within the window
        requestsPerSecond
        latency            {p50, p90, p99, p99_9, max, mean} in microseconds, or null
        errors             how many, over the whole run
        errorKinds         {what: how many}
      """
  )

  @Option(help: "The server's address: numeric, or localhost.")
  var host = "127.0.0.1"

  @Option(help: "The server's port.")
  var port: UInt16

  @Option(help: ArgumentHelp("Connections, all on one event loop.", valueName: "n"))
  var connections = 64

  @Option(help: ArgumentHelp("Bytes in a request.", valueName: "bytes"))
  var size = 64

  @Option(help: ArgumentHelp("Requests under way on each connection.", valueName: "n"))
  var pipeline = 1

  @Option(help: ArgumentHelp("How long to measure.", valueName: "seconds"))
  var seconds = 5.0

  @Option(name: .customLong("warmup"), help: ArgumentHelp("How long to load before that.", valueName: "seconds"))
  var warmUp = 1.0

  @Option(help: "What does this side's I/O: auto is io_uring where the kernel allows it.")
  var backend = BackendChoice.automatic

  @Flag(help: "Print a JSON object instead of text.")
  var json = false

  func validate() throws {
    _ = try SocketAddress(hostOption: host, port: port)
    if port == 0 { throw ValidationError("--port: 0 is no port of a server") }
    try check(connections, in: 1...100_000, "connections")
    try check(size, in: 1...(1 << 26), "size")
    try check(pipeline, in: 1...65_536, "pipeline")
    try check(seconds, in: 0.01...86_400, "seconds")
    try check(warmUp, in: 0...86_400, "warmup")
  }

  private func check<Value>(_ value: Value, in range: ClosedRange<Value>, _ name: String) throws {
    guard !range.contains(value) else { return }
    throw ValidationError("--\(name): use \(range.lowerBound) to \(range.upperBound), not \(value)")
  }

  func run() throws {
    SignalWatch.block()
    let plan = try plan()
    let isText = !json
    let report = try EventLoop.run(EventLoop.Configuration(backend: backend)) {
      let loop = EventLoop.current!
      return try await Load(plan, on: loop).run {
        if isText { try Output.say(LoadReport.heading(plan, loop.backend)) }
      }
    }
    try Output.say(json ? JSONText.make(report) : report.text)
    if report.errors.total > 0 { throw ExitCode.failure }
  }

  private func plan() throws -> LoadPlan {
    LoadPlan(
      address: try SocketAddress(hostOption: host, port: port),
      connections: connections,
      size: size,
      pipeline: pipeline,
      warmUp: warmUp,
      seconds: seconds
    )
  }
}
