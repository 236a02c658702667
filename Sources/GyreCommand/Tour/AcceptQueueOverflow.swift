import Gyre

/// More clients than the accept queue holds.
struct AcceptQueueOverflow: Chapter {
  let title = "An accept queue that overflows"
  let explanation = """
    This listener's backlog is two, and nobody accepts. Eight clients connect: the kernel queues one connection more than \
    the backlog, and drops the packets of the others without a word. They cannot tell that from a lost packet, so \
    they wait a second and try again.
    """
  let reading = """
    ListenOverflows grew with each dropped packet; it is the number to watch in production, for all listeners of a host \
    together. What the client sees is no error but a connection that takes a second, or three, or seven.
    """
  let suggestion = """
    `nstat -az TcpExtListenOverflows` on a server of yours. A burst is helped by a larger backlog (and \
    net.core.somaxconn); a server that accepts too slowly is not.
    """

  private static let clients = 8
  private static let backlog = 2

  func run(on backend: BackendChoice) async throws -> Findings {
    var options = TCPListener.Options()
    options.backlog = AcceptQueueOverflow.backlog
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
    let result = await Result { try await show(listener) }
    await listener.close()
    return try result.get()
  }

  private func show(_ listener: TCPListener) async throws -> Findings {
    let before = try listener.queues(including: .host)
    var findings = Findings(
      Findings.Column("acceptQueue", "accept queue"),
      Findings.Column("drops", "drops"),
      Findings.Column("overflows", "ListenOverflows"),
      Findings.Column("synSent", "SYN-SENT")
    )
    func note(_ key: String, _ label: String) throws {
      let queues = try listener.queues(including: .host)
      let overflows = (queues.host?.acceptQueueOverflows ?? 0) - (before.host?.acceptQueueOverflows ?? 0)
      findings.add(
        key,
        label,
        .queue(queues.acceptQueue, of: queues.acceptQueueLimit),
        queues.drops.map { .number($0) } ?? .none,
        .number(Int(overflows)),
        .number(try stillConnecting(to: listener.address))
      )
    }
    try note("before", "nobody has connected")
    let times = try await withThrowingTaskGroup(of: Duration.self) { group in
      for _ in 0..<AcceptQueueOverflow.clients { group.addTask { try await connect(to: listener.address) } }
      // The first question is the cheaper one: the clients of this loop have to get on meanwhile.
      try await Tour.wait(for: "a full accept queue") {
        try listener.queues.acceptQueue == AcceptQueueOverflow.backlog + 1
      }
      try await Tour.wait(for: "clients without an answer") { try stillConnecting(to: listener.address) == 5 }
      try note("overflowed", "eight clients connect")
      let serving = Task { try await listener.serve { while try await $0.receive()?.count != nil {} } }
      defer { serving.cancel() }
      let times = try await group.reduce(into: []) { $0.append($1) }
      try await Tour.wait(for: "an empty accept queue") { try listener.queues.acceptQueue == 0 }
      try note("accepting", "the server accepts")
      await listener.close()
      _ = await serving.result
      return times
    }
    findings.begin(
      Findings.Column("fastestMicroseconds", "the fastest"),
      Findings.Column("slowestMicroseconds", "the slowest")
    )
    findings.add("connect", "connecting took", .duration(times.min() ?? .zero), .duration(times.max() ?? .zero))
    return findings
  }

  /// How long it takes until a connection is there.
  private func connect(to address: SocketAddress) async throws -> Duration {
    let start = ContinuousClock.now
    return try await TCPConnection.withConnection(to: address) { _ in start.duration(to: .now) }
  }

  /// Clients whose SYN has had no answer.
  private func stillConnecting(to address: SocketAddress) throws -> Int {
    try SocketDiagnostics.tcpSockets(in: TCPState.Mask(.synSent)).count { $0.remote == address }
  }
}
