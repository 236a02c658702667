import Gyre

/// One handler under several execution patterns, and who ran it.
struct ExecutionPatterns: Chapter {
  let title = "Execution patterns: who accepts, who answers"
  let explanation = """
    The same handler runs in one thread; behind one that accepts and hands over to two others; and in three threads and \
    three processes that each have a listener of their own on the same port (SO_REUSEPORT), among which the kernel chooses \
    by a hash of the addresses. Twenty-four clients connect to each and ask who answers.
    """
  let reading = """
    A dispatcher divides evenly and costs a hop between threads for each connection. The hash costs nothing, is even only \
    on average, and does not know who is busy. One PID for all is one memory and one crash; several are several.
    """
  let suggestion = """
    `gyre patterns`, which measures one workload under every pattern that Gyre has; and `gyre watch PORT` on a server with \
    several listeners on its port: each has an accept queue of its own.
    """

  private static let clients = 24

  func run(on backend: BackendChoice) async throws -> Findings {
    var findings = Findings(
      Findings.Column("listeners", "listeners"),
      Findings.Column("pid", "PID"),
      Findings.Column("acceptedBy", "accepts"),
      Findings.Column("answeredBy", "answers"),
      Findings.Column("connections", "clients")
    )
    let patterns: [(String, String, Int, ServerThreads.Acceptors)] = [
      ("thread", "one thread", 1, .all), ("dispatcher", "a dispatcher and two", 3, .first),
      ("threads", "three threads", 3, .all),
    ]
    for (key, label, count, acceptors) in patterns {
      let threads = try await ServerThreads(count, acceptors, on: backend)
      let result = await Result { try await rows(key, label, port: threads.port) }
      await threads.end()
      findings.add(try result.get())
    }
    let processes = try ServerProcesses(3, on: backend)
    defer { processes.end() }
    findings.add(try await rows("processes", "three processes", port: processes.port))
    return findings
  }

  /// A row for each thread that answers on a port.
  private func rows(_ key: String, _ label: String, port: UInt16) async throws -> [Findings.Row] {
    let listeners = try SocketDiagnostics.tcpSockets(in: .listening, localPort: port).count
    var answers: [Answerer: Int] = [:]
    for _ in 0..<ExecutionPatterns.clients {
      answers[try await whoAnswers(port), default: 0] += 1
    }
    let answerers = answers.keys.sorted { ($0.pid, $0.answeredBy) < ($1.pid, $1.answeredBy) }
    return answerers.enumerated().map { number, answerer in
      Findings.Row(
        key: "\(key)\(number + 1)",
        label: number == 0 ? label : "",
        values: [
          number == 0 ? .number(listeners) : .none, .number(Int(answerer.pid)), .number(Int(answerer.acceptedBy)),
          .number(Int(answerer.answeredBy)), .number(answers[answerer] ?? 0),
        ]
      )
    }
  }

  private func whoAnswers(_ port: UInt16) async throws -> Answerer {
    try await TCPConnection.withConnection(to: .loopback(port: port)) { client in
      try await client.send("!")
      guard let answer = try await client.receive()?.text, let answerer = Answerer(answer) else {
        throw TourError("a server has gone")
      }
      return answerer
    }
  }
}
