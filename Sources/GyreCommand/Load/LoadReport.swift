import Gyre

/// What a load has measured.
struct LoadReport: Sendable {
  let plan: LoadPlan
  /// What did the load's I/O.
  let backend: Backend
  /// The measured window, in seconds; shorter than planned where it was interrupted or every connection failed.
  let seconds: Double
  /// Requests answered within the window.
  let requests: Int
  /// `nil` if there was no request.
  let latency: LatencySummary?
  /// Errors of the whole run.
  let errors: ErrorTally
  let isInterrupted: Bool

  var requestsPerSecond: Double { seconds > 0 ? Double(requests) / seconds : 0 }

  /// The lines that say what is about to happen.
  static func heading(_ plan: LoadPlan, _ backend: Backend) -> String {
    let connections = plan.connections == 1 ? "1 connection" : "\(Quantity.count(plan.connections)) connections"
    let requests = plan.pipeline == 1 ? "1 request" : "\(Quantity.count(plan.pipeline)) requests"
    let bytes = plan.size == 1 ? "1 byte" : "\(Quantity.count(plan.size)) bytes"
    return """
      load: \(connections) to \(plan.address) over \(backend), \(requests) of \(bytes) under way on each
      \(seconds(plan.seconds)) s, after \(seconds(plan.warmUp)) s of warm-up
      """
  }

  private static func seconds(_ value: Double) -> String {
    value == value.rounded() ? "\(Int(value))" : Quantity.decimal(value, places: 2)
  }

  /// The result as people read it, below the heading and an empty line; there a terminal shows Ctrl-C.
  var text: String {
    var table = TextTable(.left, .right)
    table.add("requests", Quantity.count(requests))
    table.add("seconds measured", Quantity.decimal(seconds, places: 2))
    table.add("requests/s", Quantity.count(Int(requestsPerSecond)))
    table.add("bytes/s each way", Quantity.bytes(requestsPerSecond * Double(plan.size)))
    if let latency { addLatency(latency, to: &table) }
    table.add("errors", Quantity.count(errors.total))
    return ([""] + table.lines + remarks).joined(separator: "\n")
  }

  private func addLatency(_ latency: LatencySummary, to table: inout TextTable) {
    table.add("latency p50", Quantity.duration(nanoseconds: latency.p50))
    table.add("latency p99", Quantity.duration(nanoseconds: latency.p99))
    table.add("latency p99.9", Quantity.duration(nanoseconds: latency.p99_9))
    table.add("latency max", Quantity.duration(nanoseconds: latency.max))
  }

  private var remarks: [String] {
    let kinds = errors.kinds.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    var lines = kinds.map { "    \(Quantity.count($0.value)) × \($0.key)" }
    if isInterrupted {
      lines.append("  interrupted")
    } else if seconds < plan.seconds * 0.99 {
      lines.append("  ended early: no connection was left")
    }
    return lines
  }
}

extension LoadReport: Encodable {
  private enum Key: String, CodingKey {
    case address, backend, connections, size, pipeline, warmUpSeconds, seconds
    case requests, requestsPerSecond, latency, errors, errorKinds
  }

  /// The keys are documented in the command's help. Every one is there: what is missing is null.
  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode("\(plan.address)", forKey: .address)
    try object.encode(backend, forKey: .backend)
    try object.encode(plan.connections, forKey: .connections)
    try object.encode(plan.size, forKey: .size)
    try object.encode(plan.pipeline, forKey: .pipeline)
    try object.encode(plan.warmUp, forKey: .warmUpSeconds)
    try object.encode(seconds, forKey: .seconds)
    try object.encode(requests, forKey: .requests)
    try object.encode(requestsPerSecond, forKey: .requestsPerSecond)
    try object.encode(latency, forKey: .latency)
    try object.encode(errors.total, forKey: .errors)
    try object.encode(errors.kinds, forKey: .errorKinds)
  }
}
