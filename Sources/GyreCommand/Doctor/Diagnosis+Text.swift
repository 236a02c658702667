import Gyre

extension Diagnosis {
  /// The diagnosis as people read it.
  var text: String {
    [backendLines, featureLines, limitLines, problemLines].map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
  }

  private var backendLines: [String] {
    ["backend: \(backend.map { "\($0)" } ?? "none")"] + Prose.wrap(reason, indent: "  ")
  }

  private var featureLines: [String] {
    guard !report.features.isEmpty else {
      let why = report.refusal.map { "\($0.errno)" } ?? "the kernel did not answer the probe"
      return ["io_uring: what Gyre uses of it", "  none here: \(why)"]
    }
    var table = TextTable(.left, .left, .left)
    for feature in report.features { table.add(feature.available ? "yes" : "NO", feature.name, feature.use) }
    let doubt = limits.lockedMemory != nil && report.refusal?.errno == .noMemory
    return ["io_uring: what Gyre uses of it\(doubt ? " (a NO may be for want of memory to lock)" : "")"] + table.lines
  }

  private var limitLines: [String] {
    var table = TextTable(.left, .left)
    let processors = limits.processors == 1 ? "1 processor" : "\(limits.processors) processors"
    table.add("kernel", "Linux \(limits.kernel), \(processors)")
    if let ring = report.ring {
      table.add("a loop's ring", "\(ring.submissions) submissions, \(ring.completions) completions")
    }
    table.add("open files", "\(number(limits.openFiles)), hard limit \(number(limits.openFilesHard))")
    table.add("locked memory", lockedMemoryText)
    table.add("net.core.somaxconn", setting(limits.somaxconn))
    table.add("net.ipv4.tcp_max_syn_backlog", setting(limits.maxSynBacklog))
    table.add("net.ipv4.tcp_syncookies", setting(limits.synCookies))
    table.add("kernel.io_uring_disabled", setting(limits.ioUringDisabled))
    table.add("seccomp filter", limits.isFiltered ? "yes" : "no")
    return ["limits"] + table.lines
  }

  private var lockedMemoryText: String {
    let limit = limits.lockedMemory.map { Quantity.bytes(Double($0)) } ?? "unlimited"
    if limits.canLockAnyMemory { return "\(limit), but CAP_IPC_LOCK lifts the limit" }
    if report.ring != nil && !report.locksMemory { return "\(limit), which this kernel's rings do not count against" }
    return loopsThatFit.map { "\(limit), enough for the rings of about \($0) loops" } ?? limit
  }

  private var problemLines: [String] {
    guard !problems.isEmpty else { return ["no problems found"] }
    let lines = problems.flatMap { problem in
      let (what, advice) = (Prose.wrap(problem.what, indent: "    "), Prose.wrap(problem.advice, indent: "    "))
      return ["  - " + (what.first ?? "").dropFirst(4)] + what.dropFirst() + advice
    }
    return [problems.count == 1 ? "1 problem" : "\(problems.count) problems"] + lines
  }

  private func number(_ limit: UInt64?) -> String { limit.map(String.init) ?? "unlimited" }

  private func setting(_ value: Int?) -> String { value.map(String.init) ?? "not on this kernel" }
}
