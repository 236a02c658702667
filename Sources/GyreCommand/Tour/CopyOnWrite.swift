import FoundationEssentials
import Gyre

/// A forked process shares its memory until somebody writes.
struct CopyOnWrite: Chapter {
  let title = "Copy-on-write: a forked snapshot"
  let explanation = """
    A process with 32 MiB of data forks. Nothing is copied: both processes have the same pages, marked read-only. When the \
    parent writes to a page, the processor stops it, the kernel copies that one page, and the parent goes on with its \
    own. The copy sees the memory as it was at the moment of the fork, for as long as it lives.
    """
  let reading = """
    Each page written to is a fault and 4 KiB more. So a snapshot costs nothing at first and, in the worst case, as \
    much memory again as was written meanwhile: databases save their state this way and need that room.
    """
  let suggestion = "`grep -E 'Private|Shared' /proc/PID/smaps_rollup` of a Redis while it does BGSAVE under load."

  func run(on backend: BackendChoice) async throws -> Findings {
    let output = try OwnProcess("tour-process", "copyOnWrite").rest()
    let trial = try JSONDecoder().decode(CopyOnWriteTrial.self, from: Data(output))
    var findings = Findings(
      Findings.Column("own", "its own"),
      Findings.Column("shared", "shared"),
      Findings.Column("copyOwn", "copy's own"),
      Findings.Column("copyShared", "shared"),
      Findings.Column("faults", "faults")
    )
    func add(_ key: String, _ label: String, _ sample: CopyOnWriteTrial.Sample) {
      let copy = [sample.copyOwn, sample.copyShared].map { $0.map { Findings.Value.bytes($0) } ?? .none }
      findings.add(key, label, .bytes(sample.own), .bytes(sample.shared), copy[0], copy[1], .number(sample.faults))
    }
    add("before", "before the fork", trial.before)
    add("forked", "forked", trial.forked)
    add("quarter", "a quarter written", trial.quarter)
    add("all", "all written", trial.all)
    findings.begin(Findings.Column("reads", "reads"))
    let view = trial.isFrozen ? "what was there at the fork" : "what the parent wrote"
    findings.add("snapshot", "the copy, in the end,", .text(view))
    return findings
  }
}
