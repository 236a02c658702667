/// What a server does: with whole connections, or with the messages in them.
enum ServerWork: Sendable {
  case connections(Server.ConnectionHandler)
  case messages(Framing, Server.MessageHandler)

  /// The work as a handler of connections, which executes messages itself, one after the other.
  var connectionHandler: Server.ConnectionHandler {
    switch self {
    case .connections(let handler): return handler
    case .messages(let framing, let handler):
      return { connection in
        var stream = MessageStream(framing)
        while let chunk = try await connection.receive() {
          stream.append(chunk.bytes)
          var answers: [UInt8] = []
          while let message = try stream.next() { answers += try await handler(message) }
          try await connection.send(answers)
        }
      }
    }
  }
}
