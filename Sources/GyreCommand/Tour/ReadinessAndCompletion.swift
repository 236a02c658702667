import Gyre

/// What one request costs in system calls, on each backend.
struct ReadinessAndCompletion: Chapter {
  let title = "Readiness against completion"
  let explanation = """
    epoll says that a socket is ready, and the program then makes each call itself. io_uring takes the calls as entries of \
    a queue in shared memory, does them, and puts results into another queue: one call hands over what is new and \
    waits for what is done. Here a server on each of them answers a hundred requests one after the other, and five hundred of fifty clients at once.
    """
  let reading = """
    One request at a time is what helps io_uring least: there is nothing to put together, and a lone answer goes out by \
    a `sendto`, since handing it over would be a call too. When many clients ask at once, io_uring's one call hands over and collects for all of them, while epoll's `recvfrom` and `sendto` stay two for each.
    """
  let suggestion = """
    `strace -f -c -p $(pidof gyre)` on `gyre echo --backend epoll` and `--backend uring`, with \
    `gyre load --connections 100` running.
    """

  private static let clients = 50
  /// The numbers of one kind of load, by backend and name.
  private typealias Counts = [Backend: [String: Int]]

  func run(on backend: BackendChoice) async throws -> Findings {
    let backends = ReadinessAndCompletion.available
    guard let tracer = SystemCallTrace.tracer else { return try await count(backends, "strace is not installed") }
    do {
      return try await trace(backends, tracer)
    } catch let error as TourError {
      return try await count(backends, "strace does not work here: \(error)")
    }
  }

  /// Those that this kernel has.
  private static var available: [Backend] { BackendReport().refusal == nil ? [.epoll, .uring] : [.epoll] }

  // MARK: With strace

  private func trace(_ backends: [Backend], _ tracer: String) async throws -> Findings {
    var (calm, busy): (Counts, Counts) = ([:], [:])
    var one: [Backend: [SystemCall]] = [:]
    for backend in backends {
      let trace = try SystemCallTrace(tracer: tracer, backend)
      defer { trace.end() }
      try await ReadinessAndCompletion.withClients(of: trace.port) { clients in
        one[backend] = try await trace.calls { try await ReadinessAndCompletion.ask(clients[0], 1) }
        let calls = try await trace.calls { try await ReadinessAndCompletion.ask(clients[0], 100) }
        let others = try await trace.calls { try await ReadinessAndCompletion.askAtOnce(clients) }
        calm[backend] = Dictionary(grouping: calls, by: \.name).mapValues(\.count)
        busy[backend] = Dictionary(grouping: others, by: \.name).mapValues(\.count)
      }
    }
    var findings = findings(backends, calm, busy)
    findings.begin(Findings.Column("calls", "the calls of one request, as strace sees them"))
    for backend in backends {
      let calls = one[backend, default: []].map(\.text).joined(separator: ", ")
      findings.add(backend.rawValue, backend.description, .text(calls))
    }
    return findings
  }

  // MARK: Without

  private func count(_ backends: [Backend], _ reason: String) async throws -> Findings {
    var (calm, busy): (Counts, Counts) = ([:], [:])
    for backend in backends {
      let server = try OwnProcess("tour-process", "server", "--backend", backend.rawValue)
      defer { server.end() }
      try await ReadinessAndCompletion.withClients(of: try TourServer.port(saidBy: server)) { clients in
        let before = try await ReadinessAndCompletion.counters(clients[0])
        try await ReadinessAndCompletion.ask(clients[0], 100)
        let between = try await ReadinessAndCompletion.counters(clients[0])
        try await ReadinessAndCompletion.askAtOnce(clients)
        let after = try await ReadinessAndCompletion.counters(clients[0])
        calm[backend] = between.merging(before, uniquingKeysWith: -)
        busy[backend] = after.merging(between, uniquingKeysWith: -)
      }
    }
    var findings = findings(backends, calm, busy)
    findings.begin(Findings.Column("by", "counted by"))
    findings.add("method", "the server's own driver", .text(reason))
    return findings
  }

  private func findings(_ backends: [Backend], _ calm: Counts, _ busy: Counts) -> Findings {
    var findings = Findings(columns: backends.map { Findings.Column($0.rawValue, $0.description) })
    for (prefix, label, counts) in [("", "100 requests: calls", calm), ("busy", "500 at once: calls", busy)] {
      let sums = backends.map { Findings.Value.number(counts[$0, default: [:]].values.reduce(0, +)) }
      findings.add([Findings.Row(key: prefix.isEmpty ? "calls" : "busyCalls", label: label, values: sums)])
      for name in Set(counts.values.flatMap(\.keys)).sorted() {
        let values = backends.map { Findings.Value.number(counts[$0, default: [:]][name] ?? 0) }
        let key = prefix.isEmpty ? name : "\(prefix)_\(name)"
        findings.add([Findings.Row(key: key, label: "  of them \(name)", values: values)])
      }
    }
    return findings
  }

  // MARK: Requests

  /// Sends requests, each after the answer to the one before.
  private static func ask(_ client: TCPConnection, _ count: Int) async throws {
    let request = [UInt8](repeating: 0x2e, count: 64)
    for _ in 0..<count {
      try await client.send(request)
      var received = 0
      while received < request.count {
        guard let count = try await client.receive()?.count else { throw TourError("the server has gone") }
        received += count
      }
    }
  }

  /// Every client sends ten requests, all clients at once.
  private static func askAtOnce(_ clients: [TCPConnection]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in clients { group.addTask { try await ask(client, 10) } }
      try await group.waitForAll()
    }
  }

  /// Calls `body` with connections on each of which something has been asked already: what the first request costs in
  /// addition is not counted.
  private static func withClients(of port: UInt16, _ body: ([TCPConnection]) async throws -> Void) async throws {
    let clients = Connections()
    let result = await Result {
      for _ in 0..<ReadinessAndCompletion.clients {
        clients.add(try await TCPConnection.connect(to: .loopback(port: port)))
      }
      for client in clients.all { try await ask(client, 2) }
      try await body(clients.all)
    }
    await clients.close()
    try result.get()
  }

  /// What the server's loop has counted so far.
  private static func counters(_ client: TCPConnection) async throws -> [String: Int] {
    try await client.send("?")
    let numbers = try await client.receive()?.text.split(separator: " ").compactMap { Int($0) } ?? []
    guard numbers.count == 2 else { throw TourError("the server has gone") }
    return ["waits": numbers[0], "others": numbers[1]]
  }
}
