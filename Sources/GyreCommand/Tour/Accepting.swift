import Gyre

/// The moment at which a connection becomes a program's.
struct Accepting: Chapter {
  let title = "Accept: the descriptor appears"
  let explanation = """
    A connection in the accept queue belongs to nobody: the kernel has a socket for it, but no file, no inode and no \
    descriptor. `accept` gives it all three. On io_uring it can also go into the ring's own table of files: a file without \
    a descriptor, which spares the kernel a look-up for each operation.
    """
  let reading = """
    Inode 0 is the kernel's way of saying that no program has this socket. After that, /proc/PID/fd lists it, unless it is \
    in the ring's table: then no other part of the program can reach it, or close it by mistake.
    """
  let suggestion =
    "`ls -l /proc/$(pidof gyre)/fd` while `gyre load` runs, with `gyre echo` and with `gyre echo --no-direct`."

  func run(on backend: BackendChoice) async throws -> Findings {
    var findings = Findings(
      Findings.Column("acceptQueue", "accept queue"),
      Findings.Column("inode", "inode"),
      Findings.Column("descriptor", "descriptor")
    )
    findings.add(try await show(backend, direct: false))
    guard EventLoop.current?.backend == .uring else { return findings }
    // A loop without room for direct descriptors accepts ordinary ones, which there is nothing new to see in.
    findings.add(
      try await show(backend, direct: true).filter { $0.key == "direct" && $0.values.last == Findings.Value.none }
    )
    return findings
  }

  /// One connection on a loop of its own, before and after it is accepted.
  private func show(_ backend: BackendChoice, direct: Bool) async throws -> [Findings.Row] {
    var configuration = EventLoop.Configuration(backend: backend)
    if !direct { configuration.directDescriptors = 0 }
    let loop = try EventLoop.start(configuration)
    let task = Task(executorPreference: loop.taskExecutor) { try await rows(direct: direct) }
    let result = await task.result
    await loop.shutdown()
    return try result.get()
  }

  private func rows(direct: Bool) async throws -> [Findings.Row] {
    var options = TCPListener.Options()
    options.backlog = 8
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options)
    let result = await Result {
      try await TCPConnection.withConnection(to: listener.address) { client in
        let queued = try row("queued", "a client has connected", listener)
        let server = try await listener.accept()
        let key = direct ? "direct" : "ordinary"
        let label = direct ? "accepted into the table" : "accepted"
        let accepted = try row(key, label, listener)
        await server.close()
        return [queued, accepted]
      }
    }
    await listener.close()
    return try result.get()
  }

  private func row(_ key: String, _ label: String, _ listener: TCPListener) throws -> Findings.Row {
    let sockets = try SocketDiagnostics.tcpSockets(in: .established, localPort: listener.address.port)
    guard let socket = sockets.first else { throw TourError("the kernel has lost the connection") }
    let queues = try listener.queues
    let descriptor = SocketOwners.ownDescriptor(of: socket.inode)
    return Findings.Row(
      key: key,
      label: label,
      values: [
        .queue(queues.acceptQueue, of: queues.acceptQueueLimit), .number(Int(socket.inode)),
        descriptor.map { .number(Int($0)) } ?? .none,
      ]
    )
  }
}
