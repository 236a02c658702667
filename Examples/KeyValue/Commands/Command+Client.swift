extension Command {
  /// Commands on the connection, and what libraries ask for before their first real one.
  static let clientCommands = [
    Command(ofClient: "HELLO", 0...6) { _, request, client in hello(request, &client) },
    Command("AUTH", 1...2) { _, _, reply in reply.error(noPasswords) },
    Command(ofClient: "CLIENT", 1...most) { _, request, client in describe(request, &client) },
    Command(ofClient: "QUIT", 0...most) { _, _, client in
      client.reply.ok()
      client.reply.end()
    },
  ]

  /// Whoever gives one believes that it protects something.
  private static let noPasswords = "WRONGPASS this server has no users and no passwords: connect without them"

  /// `HELLO [version [AUTH user password] [SETNAME name]]`: the version of the protocol, 2 or 3.
  private static func hello(_ request: borrowing Request, _ client: inout Client) {
    if request.count > 1 {
      guard let version = request[1].integer, version == 2 || version == 3 else {
        return client.reply.error("NOPROTO unsupported protocol version")
      }
      if request.count > 2 {
        if request[2].isWord("AUTH") { return client.reply.error(noPasswords) }
        guard request.count == 4, request[2].isWord("SETNAME") else { return client.reply.error("ERR syntax error") }
        guard setName(request[3], &client) else { return }
      }
      client.reply.version = Int(version)
    }
    let values = [("server", "gyre-keyvalue"), ("version", "1"), ("mode", "standalone"), ("role", "master")]
    client.reply.map(count: values.count + 2)
    for (name, value) in values {
      client.reply.bulk(name)
      client.reply.bulk(value)
    }
    for (name, value) in [("proto", client.reply.version), ("id", client.number)] {
      client.reply.bulk(name)
      client.reply.integer(Int64(value))
    }
  }

  /// `CLIENT`: who somebody is.
  private static func describe(_ request: borrowing Request, _ client: inout Client) {
    let subcommand = request[1]
    if subcommand.isWord("ID") {
      client.reply.integer(Int64(client.number))
    } else if subcommand.isWord("GETNAME") {
      if let name = client.name { client.reply.bulk(name.span.bytes) } else { client.reply.null() }
    } else if subcommand.isWord("SETNAME"), request.count == 3 {
      if setName(request[2], &client) { client.reply.ok() }
    } else if subcommand.isWord("SETINFO"), request.count == 4 {
      // Libraries tell their names, which nobody asks for here.
      client.reply.ok()
    } else {
      client.reply.error("ERR unknown subcommand or wrong number of arguments for '\(subcommand.text.prefix(64))'")
    }
  }

  /// False if it is no name, which the client is told.
  private static func setName(_ name: RawSpan, _ client: inout Client) -> Bool {
    let bytes = name.withUnsafeBytes { Array($0.prefix(65)) }
    guard bytes.count <= 64, bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      client.reply.error("ERR a client’s name has at most 64 bytes, without blanks")
      return false
    }
    client.name = bytes.isEmpty ? nil : bytes
    return true
  }
}
