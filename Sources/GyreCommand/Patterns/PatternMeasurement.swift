import Histogram

/// What was measured of one pattern under one workload.
struct PatternMeasurement: Encodable {
  /// The fewest and the most that one thread had.
  struct Spread: Encodable {
    let least: Int
    let most: Int

    init(_ counts: [Int], of executors: Int) {
      // A thread that had none does not appear in the counts.
      least = counts.count < executors ? 0 : counts.min() ?? 0
      most = counts.max() ?? 0
    }
  }

  struct Process: Encodable {
    let process: Int32
    let threads: [Int32]
  }

  let pattern: PatternName
  let workload: PatternWorkload
  let requestsPerSecond: Double
  /// In microseconds; `nil` if nothing was answered.
  let latency: LatencySummary?
  /// Of the server's processes; `nil` if one of them ended, and its count with it.
  let cpuMicrosecondsPerRequest: Double?
  let contextSwitchesPerRequest: Double?
  let privateBytes: Int
  let sharedBytes: Int
  let processes: [Process]
  let connectionsPerThread: Spread
  let requestsPerThread: Spread
  let lostConnections: Int
  /// From the crash to the first answer on a connection that it had taken; `nil` if there was none.
  let outageMilliseconds: Double?

  init(_ pattern: PatternName, _ workload: PatternWorkload, executors: Int, _ result: PatternLoad.Result) {
    self.pattern = pattern
    self.workload = workload
    let requests = Double(max(result.requests, 1))
    requestsPerSecond = result.seconds > 0 ? Double(result.requests) / result.seconds : 0
    latency = result.requests > 0 ? LatencySummary(result.latencies) : nil
    let (before, after) = (result.before!, result.after!)
    // A process that has ended may still be listed, without its threads.
    let isWhole = before.processes.allSatisfy { process, threads in
      threads.keys.allSatisfy { after.processes[process]?[$0] != nil }
    }
    cpuMicrosecondsPerRequest = isWhole ? Double(after.cpu(since: before)) / 1000 / requests : nil
    contextSwitchesPerRequest = isWhole ? Double(after.switches(since: before)) / requests : nil
    // As it was before a crash.
    privateBytes = before.privateBytes
    sharedBytes = before.sharedBytes
    processes = before.processes.sorted { $0.key < $1.key }
      .map { Process(process: $0.key, threads: $0.value.keys.sorted()) }
    connectionsPerThread = Spread(Array(result.connectionsOf.values), of: executors)
    requestsPerThread = Spread(Array(result.requestsOf.values), of: executors)
    lostConnections = result.lost
    outageMilliseconds = result.outage.map { Double($0) / 1e6 }
  }
}
