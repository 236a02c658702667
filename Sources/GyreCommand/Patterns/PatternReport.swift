import Gyre

/// The measurements of all patterns.
struct PatternReport: Encodable {
  let backend: Backend
  let workers: Int
  let connections: Int
  let seconds: Double
  var measurements: [PatternMeasurement] = []

  // MARK: As people read it

  static func heading(_ report: PatternReport) -> String {
    """
    patterns: \(report.connections) connections with one request under way each, \(PatternMessage.length) bytes, \
    over \(report.backend)
    \(report.workers) threads or worker processes, \(Quantity.decimal(report.seconds, places: 1)) s each
    """
  }

  /// The table of one workload.
  static func table(_ workload: PatternWorkload, _ measurements: [PatternMeasurement]) -> [String] {
    var table = TextTable(
      .left,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right,
      .right
    )
    table.add(
      "pattern",
      "requests/s",
      "p50",
      "p99",
      "p99.9",
      "CPU/req",
      "switches/req",
      "private",
      "shared",
      "processes",
      "threads",
      "conns/thread",
      workload == .crash ? "lost, outage" : "requests/thread"
    )
    for measurement in measurements { add(measurement, to: &table) }
    return ["", title(workload)] + table.lines
  }

  private static func title(_ workload: PatternWorkload) -> String {
    switch workload {
    case .light: "light: every request is answered at once"
    case .heavy: "heavy: one request in a hundred computes for 5 ms"
    case .slowWorker: "slow-worker: on one thread every request computes for 1 ms"
    case .crash: "crash: in the middle one request aborts its process"
    }
  }

  private static func add(_ row: PatternMeasurement, to table: inout TextTable) {
    func duration(_ value: UInt64?) -> String { value.map { Quantity.duration(nanoseconds: $0) } ?? "-" }
    let last = row.workload == .crash ? loss(row) : spread(row.requestsPerThread)
    table.add(
      row.pattern.rawValue,
      Quantity.count(Int(row.requestsPerSecond)),
      duration(row.latency?.p50),
      duration(row.latency?.p99),
      duration(row.latency?.p99_9),
      duration(row.cpuMicrosecondsPerRequest.map { UInt64(max($0, 0) * 1000) }),
      row.contextSwitchesPerRequest.map { Quantity.decimal(max($0, 0), places: 2) } ?? "-",
      Quantity.bytes(Double(row.privateBytes)),
      Quantity.bytes(Double(row.sharedBytes)),
      "\(row.processes.count)",
      "\(row.processes.reduce(0) { $0 + $1.threads.count })",
      spread(row.connectionsPerThread),
      last
    )
  }

  private static func spread(_ spread: PatternMeasurement.Spread) -> String {
    spread.least == spread.most
      ? Quantity.count(spread.most)
      : "\(Quantity.count(spread.least))–\(Quantity.count(spread.most))"
  }

  private static func loss(_ row: PatternMeasurement) -> String {
    let outage = row.outageMilliseconds.map { Quantity.duration(nanoseconds: UInt64($0 * 1e6)) } ?? "for good"
    return "\(row.lostConnections), \(outage)"
  }

  /// Who is who: the processes with their threads.
  static func processes(_ measurement: PatternMeasurement) -> String {
    let shown = measurement.processes.prefix(4).map { process in
      "\(process.process) (\(process.threads.map { "\($0)" }.joined(separator: " ")))"
    }
    let left = measurement.processes.count - shown.count
    return "  \(measurement.pattern.rawValue): \(shown.joined(separator: ", "))"
      + (left > 0 ? ", and \(left) more" : "")
  }
}
