import ArgumentParser
import Gyre

/// `gyre patterns`: one workload over every execution pattern.
struct PatternsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "patterns",
    abstract: "Measures one workload over every execution pattern, and shows who did the work.",
    discussion: """
      Each pattern's server runs in processes of its own; the clients are one event loop in this one. Clients and \
      server share the machine's cores, so compare the rows with each other and with nothing else.

      CPU/req is the processor time of all of the server's processes for one request; private and shared are memory \
      (shared is counted once); conns/thread and requests/thread are the fewest and the most that one thread had. \
      Under threads-messages a connection is counted where its first message was executed. After a crash, lost is the \
      number of connections that broke, and outage the time until the first of them was served again.

      With --json the output is one object: backend, workers, connections, seconds, and measurements, an array with a \
      pattern and a workload each, latencies in microseconds, and all processes with their threads.
      """
  )

  @Option(help: "What does the server's I/O: auto is io_uring where the kernel allows it.")
  var backend = BackendChoice.automatic

  @Option(help: ArgumentHelp("Connections.", valueName: "n"))
  var connections = 32

  @Option(help: ArgumentHelp("How long to measure each pattern under each workload.", valueName: "seconds"))
  var seconds = 2.0

  @Option(help: ArgumentHelp("Threads, or worker processes.", valueName: "n"))
  var workers = 2

  @Option(help: "A workload: light, heavy, slow-worker or crash; more than once for several. Default: all.")
  var workload: [PatternWorkload] = []

  @Option(help: "A pattern; more than once for several. Default: all.")
  var pattern: [PatternName] = []

  @Flag(help: "Print a JSON object instead of text.")
  var json = false

  func validate() throws {
    guard (1...1024).contains(connections) else { throw ValidationError("--connections: use 1 to 1024") }
    guard (0.1...3600).contains(seconds) else { throw ValidationError("--seconds: use 0.1 to 3600") }
    guard (1...64).contains(workers) else { throw ValidationError("--workers: use 1 to 64") }
  }

  func run() throws {
    let (plan, isText) = (self, !json)
    let report = try EventLoop.run(EventLoop.Configuration(backend: backend)) {
      let loop = EventLoop.current!
      var report = PatternReport(
        backend: loop.backend,
        workers: plan.workers,
        connections: plan.connections,
        seconds: plan.seconds
      )
      if isText { try Output.say(PatternReport.heading(report)) }
      for workload in plan.workload.isEmpty ? PatternWorkload.allCases : plan.workload {
        let measurements = try await plan.measure(workload, on: loop)
        report.measurements += measurements
        if isText { for line in PatternReport.table(workload, measurements) { try Output.say(line) } }
      }
      return report
    }
    if json { return try Output.say(JSONText.make(report)) }
    try Output.say("", "processes (and their threads)")
    for name in PatternName.allCases {
      if let measurement = report.measurements.first(where: { $0.pattern == name }) {
        try Output.say(PatternReport.processes(measurement))
      }
    }
  }

  private func measure(_ workload: PatternWorkload, on loop: EventLoop) async throws -> [PatternMeasurement] {
    var measurements: [PatternMeasurement] = []
    for name in pattern.isEmpty ? PatternName.allCases : pattern {
      let server = try PatternServer(name, workers: workers, connections: connections, backend)
      let load = PatternLoad(server, workload, connections: connections, seconds: seconds, on: loop)
      let executors = name.executors(workers: workers, connections: connections)
      measurements.append(PatternMeasurement(name, workload, executors: executors, try await load.run()))
    }
    return measurements
  }
}
