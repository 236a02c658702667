import Glibc
import Gyre

/// What `send` has promised when it returns.
struct SendBuffer: Chapter {
  let title = "The send buffer: sent is not acknowledged"
  let explanation = """
    `send` returns when the kernel has taken the bytes, not when the peer has them. They stay in the send queue until they \
    are acknowledged, and the peer's kernel likes to wait with that, up to 40 ms, in the hope of an answer that \
    could carry the acknowledgement along: a delayed ACK.
    """
  let reading = """
    Nothing was unsent in all that time: the bytes were with the peer's kernel, and only their acknowledgement was not \
    here. A program that must know that its peer has *processed* something needs an answer from the peer's program.
    """
  let suggestion = """
    TCP_NODELAY is Gyre's default because of this delay: without it, a second small `send` waits for the first one's \
    acknowledgement.
    """

  private static let size = 1000

  func run(on backend: BackendChoice) async throws -> Findings {
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    let result = await Result {
      try await TCPConnection.withConnection(to: listener.address) { client in
        let server = try await listener.accept()
        let result = await Result { try await show(client, server) }
        await server.close()
        return try result.get()
      }
    }
    await listener.close()
    return try result.get()
  }

  private func show(_ client: TCPConnection, _ server: TCPConnection) async throws -> Findings {
    var findings = Findings(
      Findings.Column("sendQueue", "send queue"),
      Findings.Column("unsent", "unsent"),
      Findings.Column("unacknowledged", "unacknowledged"),
      Findings.Column("afterMicroseconds", "after")
    )
    func note(_ key: String, _ label: String, _ time: Duration?) async throws {
      let buffers = try await client.buffers
      findings.add(
        key,
        label,
        .bytes(buffers.sendQueue),
        buffers.unsent.map { .bytes($0) } ?? .none,
        buffers.unacknowledged.map { .bytes($0) } ?? .none,
        time.map { .duration($0) } ?? .none
      )
    }
    try await note("before", "nothing has been sent", nil)
    try await delayAcknowledgements(of: server)
    var start = ContinuousClock.now
    try await client.send([UInt8](repeating: 1, count: SendBuffer.size))
    try await note("sent", "`send` has returned", start.duration(to: .now))
    try await waitForAcknowledgement(to: client)
    try await note("delayed", "the peer has not answered", start.duration(to: .now))

    try await delayAcknowledgements(of: server)
    start = .now
    try await client.send([UInt8](repeating: 1, count: SendBuffer.size))
    var received = 0
    while received < 2 * SendBuffer.size, let count = try await server.receive()?.count { received += count }
    try await server.send("answer")
    _ = try await client.receive()?.count
    try await waitForAcknowledgement(to: client)
    try await note("answered", "the peer has answered", start.duration(to: .now))
    return findings
  }

  /// Early in a connection the kernel acknowledges at once. `TCP_QUICKACK`, `tcp(7)`
  private func delayAcknowledgements(of connection: TCPConnection) async throws {
    try await connection.setOption(level: Int32(IPPROTO_TCP), name: TCP_QUICKACK, to: 0)
  }

  private func waitForAcknowledgement(to connection: TCPConnection) async throws {
    try await Tour.wait(for: "an acknowledgement") { try await connection.buffers.sendQueue == 0 }
  }
}
