import Gyre

/// A connection waits in two queues before a server has it.
struct Handshake: Chapter {
  let title = "The three-way handshake and its two queues"
  let explanation = """
    A client's SYN puts a connection into the listener's SYN queue; the end of the handshake moves it to the accept queue, \
    where it waits for `accept`. The kernel does all that by itself. This listener asks it to keep connections half open \
    until their client has sent a byte (TCP_DEFER_ACCEPT), so that the SYN queue holds still to be looked at.
    """
  let reading = """
    The clients were connected as far as they knew before the server had heard of them: `connect` returns when the \
    handshake's second packet is there. `accept` completes nothing, it takes what is complete.
    """
  let suggestion = "`gyre watch` in another terminal while `gyre load --connections 5000` connects to `gyre echo`."

  private static let clients = 6

  func run(on backend: BackendChoice) async throws -> Findings {
    var options = TCPListener.Options()
    options.backlog = 8
    options.deferAccept = .seconds(30)
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
    let clients = Connections()
    let servers = Connections()
    let result = await Result { try await show(listener, clients, servers) }
    await clients.close()
    await servers.close()
    await listener.close()
    return try result.get()
  }

  private func show(_ listener: TCPListener, _ clients: Connections, _ servers: Connections) async throws -> Findings {
    var findings = Findings(
      Findings.Column("synQueue", "SYN queue"),
      Findings.Column("acceptQueue", "accept queue"),
      Findings.Column("accepted", "accepted")
    )
    func note(_ key: String, _ label: String) throws {
      let queues = try listener.queues(including: .synQueue)
      findings.add(
        key,
        label,
        .queue(queues.synQueue ?? 0, of: queues.acceptQueueLimit),
        .queue(queues.acceptQueue, of: queues.acceptQueueLimit),
        .number(servers.count)
      )
    }
    try note("before", "nobody has connected")
    for _ in 0..<Handshake.clients { clients.add(try await TCPConnection.connect(to: listener.address)) }
    try note("halfOpen", "six clients have connected")
    for client in clients.all { try await client.send("x") }
    try await Tour.wait(for: "six complete handshakes") { try listener.queues.acceptQueue == Handshake.clients }
    try note("queued", "each has sent a byte")
    for _ in 0..<Handshake.clients { servers.add(try await listener.accept()) }
    try note("accepted", "the server has accepted")
    return findings
  }
}
