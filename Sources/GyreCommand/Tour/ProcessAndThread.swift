import FoundationEssentials
import Gyre

/// What threads share and processes do not.
struct ProcessAndThread: Chapter {
  let title = "Process and thread"
  let explanation = """
    An event loop is a thread. The threads of a process have one number together (PID) and one each (TID), and share its \
    memory: two loops and the thread that started them write to one variable here. A forked process has a variable \
    at the very same address, and it is another one.
    """
  let reading = """
    Whoever wrote last is what all threads read; each process reads what it wrote itself. So threads need locks, or \
    actors, and one that crashes takes all of them along; processes need messages, and survive each other.
    """
  let suggestion = "`ps -L -p $(pidof gyre)` and `ls /proc/$(pidof gyre)/task` while `gyre echo` runs."

  func run(on backend: BackendChoice) async throws -> Findings {
    var findings = Findings(
      Findings.Column("pid", "PID"),
      Findings.Column("tid", "TID"),
      Findings.Column("address", "the variable is at"),
      Findings.Column("wrote", "wrote"),
      Findings.Column("reads", "reads then")
    )
    let variable = SharedVariable()
    variable.value = 1
    let main = ThreadIdentity.current
    let loops = try await ProcessAndThread.write(to: variable, backend)
    func add(_ key: String, _ label: String, _ thread: ThreadIdentity, _ address: Int, _ wrote: Int, _ reads: Int) {
      let place = Findings.Value.text("0x" + String(address, radix: 16))
      findings.add(
        key,
        label,
        .number(Int(thread.pid)),
        .number(Int(thread.tid)),
        place,
        .number(wrote),
        .number(reads)
      )
    }
    add("main", "the tour's thread", main, variable.address, 1, variable.value)
    for (number, loop) in loops.enumerated() {
      add("loop\(number + 1)", "event loop \(number + 1)", loop.thread, variable.address, number + 2, loop.reads)
    }
    let trial = try ProcessAndThread.isolation()
    for (key, label, side) in [("parent", "a process", trial.parent), ("child", "its forked copy", trial.child)] {
      add(key, label, side.thread, side.address, side.wrote, side.reads)
    }
    return findings
  }

  /// Has two loops write to the variable, one after the other, and both read it then.
  private static func write(
    to variable: SharedVariable,
    _ backend: BackendChoice
  ) async throws -> [(thread: ThreadIdentity, reads: Int)] {
    let loops = try (0..<2).map { _ in try EventLoop.start(EventLoop.Configuration(backend: backend)) }
    for (number, loop) in loops.enumerated() {
      await Task(executorPreference: loop.taskExecutor) { variable.value = number + 2 }.value
    }
    var seen: [(ThreadIdentity, Int)] = []
    for loop in loops {
      seen.append(await Task(executorPreference: loop.taskExecutor) { (ThreadIdentity.current, variable.value) }.value)
      await loop.shutdown()
    }
    return seen
  }

  private static func isolation() throws -> IsolationTrial {
    let output = try OwnProcess("tour-process", "isolation").rest()
    return try JSONDecoder().decode(IsolationTrial.self, from: Data(output))
  }
}
