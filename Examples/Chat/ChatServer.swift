@preconcurrency import Glibc
import Gyre

/// Accepts members and connects each with the room: a reader and a writer for every connection.
struct ChatServer {
  private let room: Room

  /// Lines in which a member has to give a name. A browser that a page sends here has more of its own (`POST`, `Host:` and
  /// so on) before what the page would say.
  private static let tries = 6

  /// Serves until the task is cancelled.
  static func run(at address: SocketAddress) async throws {
    var options = TCPListener.Options()
    // What the kernel may keep for a member who does not read. Its own tuning would go up to megabytes for each.
    options.connection.sendBufferSize = 64 * 1024
    let listener = try TCPListener.bind(to: address, options: options)
    let server = ChatServer(room: Room(on: listener.loop))
    print("listening on \(listener.address)")
    fflush(stdout)
    try await listener.serve { connection in try await server.serve(connection) }
  }

  private func serve(_ connection: TCPConnection) async throws {
    var lines = LineReader(connection)
    guard let name = try await join(connection, &lines) else { return }
    try await withThrowingTaskGroup { group in
      group.addTask { try await write(to: connection, as: name) }
      // A write fails only when the connection is broken, and that ends the reader too: it is enough to wait for this one.
      let end = await read(&lines, as: name)
      await room.leave(name)
      // The writer may be sending to somebody who never reads.
      group.cancelAll()
      try end.get()
    }
  }

  /// Asks for a name until one is free. `nil` if the connection ends first, or has had its tries.
  private func join(_ connection: TCPConnection, _ lines: inout LineReader) async throws -> Name? {
    try await connection.send("* welcome; what is your name?\n")
    for _ in 0..<ChatServer.tries {
      guard let line = try await lines.next() else { return nil }
      guard let name = Name(line) else {
        try await connection.send("* a name has 1 to \(Name.longest) letters or digits; try another\n")
        continue
      }
      if await room.join(name) { return name }
      try await connection.send("* \(name) is here already; try another name\n")
    }
    try await connection.send("* goodbye\n")
    return nil
  }

  /// Says what the member sends, until the stream ends.
  private func read(_ lines: inout LineReader, as name: Name) async -> Result<Void, any Error> {
    do {
      while let line = try await lines.next() {
        switch line {
        case .text(""): break
        case .text(let text): await room.say("\(name): \(text)", from: name)
        case .tooLong: await room.tell(name, "* your line is longer than \(LineReader.longest) bytes; nobody got it")
        }
      }
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  /// Sends what the room has for the member, until the member has left.
  private func write(to connection: TCPConnection, as name: Name) async throws {
    while let batch = await room.nextBatch(for: name) { try await connection.send(batch) }
  }
}
