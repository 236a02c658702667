import Gyre

/// A receiver that does not read, and what that does to the sender.
struct ReceiveBuffer: Chapter {
  let title = "The receive buffer: a window closes and opens"
  let explanation = """
    The client sends as fast as it can and the server does not read. Bytes pile up in the server's receive queue; as it \
    fills, the server's kernel tells the client's that it may send less: the window shrinks to 0. Then they pile up in the \
    client's send queue, and when that is full, `send` suspends: the task waits and its thread does other things.
    """
  let reading = """
    This is backpressure, end to end and without a line of code: a slow reader slows its sender down and nothing is lost. \
    Once the server reads, the window opens and the suspended `send` goes on.
    """
  let suggestion =
    "`gyre watch` on a server of yours: a receive queue that stays full is a program that does not keep up."

  private static let buffer = 64 * 1024
  private static let total = 1024 * 1024

  func run(on backend: BackendChoice) async throws -> Findings {
    var options = TCPListener.Options()
    options.connection.receiveBufferSize = ReceiveBuffer.buffer
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
    let result = await Result {
      var options = TCPOptions()
      options.sendBufferSize = ReceiveBuffer.buffer
      return try await TCPConnection.withConnection(to: listener.address, options: options) { client in
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
    let sender = Sender(client, total: ReceiveBuffer.total)
    var findings = Findings(
      Findings.Column("sent", "sent"),
      Findings.Column("sendQueue", "send queue"),
      Findings.Column("window", "window"),
      Findings.Column("receiveQueue", "receive queue"),
      Findings.Column("read", "read")
    )
    var read = 0
    func note(_ key: String, _ label: String) async throws {
      let (near, far) = (try await client.buffers, try await server.buffers)
      findings.add(
        key,
        label,
        .bytes(sender.sent),
        .bytes(near.sendQueue),
        near.sendWindow.map { .bytes($0) } ?? .none,
        .bytes(far.receiveQueue),
        .bytes(read)
      )
    }
    try await note("before", "nothing is sent")
    // A child, which runs on the chapter's loop: `Task {}` would not.
    async let sending: Void = sender.run()
    try await waitUntilStuck(sender, client)
    try await note("suspended", "`send` suspended")
    while read < ReceiveBuffer.total, let count = try await server.receive()?.count { read += count }
    try await sending
    try await Tour.wait(for: "an empty send queue") { try await client.buffers.sendQueue == 0 }
    try await note("read", "all is read")
    return findings
  }

  /// Waits until the window is closed and what the sender has sent stays the same for a while.
  private func waitUntilStuck(_ sender: Sender, _ client: TCPConnection) async throws {
    var (before, quiet) = (-1, 0)
    try await Tour.wait(for: "a closed window") {
      let buffers = try await client.buffers
      // Kernels before 5.4 do not tell of the window.
      quiet = sender.sent == before && (buffers.sendWindow ?? 0) == 0 ? quiet + 1 : 0
      before = sender.sent
      return quiet >= 20
    }
  }
}

extension ReceiveBuffer {
  // @unchecked: used on one loop's thread, by the chapter and its child task there.
  /// Sends, and counts what was sent.
  private final class Sender: @unchecked Sendable {
    private let connection: TCPConnection
    private let total: Int
    /// Bytes for which `send` has returned.
    private(set) var sent = 0

    private static let piece = [UInt8](repeating: 0x2e, count: 8192)

    init(_ connection: TCPConnection, total: Int) {
      self.connection = connection
      self.total = total
    }

    func run() async throws {
      while sent < total {
        try await connection.send(Sender.piece)
        sent += Sender.piece.count
      }
    }
  }
}
