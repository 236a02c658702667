extension LoopQueues {
  /// A JSON object with the names of the properties.
  var json: String {
    let values: [(String, Int?)] = [
      ("prepared", prepared), ("delayed", delayed), ("inKernel", inKernel), ("multishots", multishots),
      ("completed", completed), ("overflows", overflows), ("submissionQueueSize", submissionQueueSize),
      ("completionQueueSize", completionQueueSize), ("buffersFree", buffersFree), ("buffersHeld", buffersHeld),
      ("bufferExhaustions", bufferExhaustions), ("jobsReady", jobsReady), ("inbox", inbox), ("timers", timers),
    ]
    return "{" + values.map { "\"\($0)\":\($1.map(String.init) ?? "null")" }.joined(separator: ",") + "}"
  }
}
