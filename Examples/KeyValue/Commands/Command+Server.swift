extension Command {
  /// Commands on the connection and the server, and what clients ask for before their first real one.
  static let serverCommands = [
    Command("PING", 0...1) { _, request, reply in
      if request.count == 2 { reply.bulk(request[1]) } else { reply.simple("PONG") }
    },
    Command("ECHO", 1...1) { _, request, reply in reply.bulk(request[1]) },
    Command("QUIT", 0...most) { _, _, reply in
      reply.ok()
      reply.end()
    },
    Command("SELECT", 1...1) { _, request, reply in
      if request[1].integer == 0 { reply.ok() } else { reply.error("ERR DB index is out of range: there is one, 0") }
    },
    Command("INFO", 0...most) { store, request, reply in
      var wanted: [String] = []
      for index in 1..<request.count { wanted.append(request[index].text.lowercased()) }
      reply.bulk(store.information(wanted))
    },
    Command("CONFIG", 1...most) { _, request, reply in configuration(request, &reply) },
    Command("COMMAND", 0...most) { _, request, reply in describe(request, &reply) },
    Command("CLIENT", 1...most) { _, request, reply in client(request, &reply) },
    Command("HELLO", 0...most) { _, request, reply in hello(request, &reply) },
  ]

  /// `CONFIG GET`: what benchmarks and clients ask for. There is nothing to set.
  private static func configuration(_ request: borrowing Request, _ reply: inout Reply) {
    guard request[1].isWord("GET"), request.count > 2 else {
      return reply.error("ERR only CONFIG GET is there: this server is configured by its command line")
    }
    let values = ["save": "", "appendonly": "no", "databases": "1", "maxmemory": "0"]
    var found: [(String, String)] = []
    for index in 2..<request.count {
      let name = request[index].text.lowercased()
      for (key, value) in values where key == name || name == "*" { found.append((key, value)) }
    }
    reply.array(count: 2 * found.count)
    for (name, value) in found {
      reply.bulk(name)
      reply.bulk(value)
    }
  }

  /// `COMMAND`: names and numbers of arguments; an exact one counts the name, `-n` means n or more.
  private static func describe(_ request: borrowing Request, _ reply: inout Reply) {
    if request.count > 1, request[1].isWord("COUNT") { return reply.integer(Int64(all.count)) }
    // Documentation: there is none to be had here, which clients understand.
    if request.count > 1 { return reply.array(count: 0) }
    reply.array(count: all.count)
    for command in all {
      let (fewest, most) = (Int64(command.arguments.lowerBound + 1), Int64(command.arguments.upperBound + 1))
      reply.array(count: 6)
      reply.bulk(command.name.lowercased())
      reply.integer(fewest == most ? fewest : -fewest)
      reply.array(count: 0)
      for _ in 0..<3 { reply.integer(0) }
    }
  }

  /// `CLIENT`: libraries tell their names, which nobody asks for here.
  private static func client(_ request: borrowing Request, _ reply: inout Reply) {
    if request[1].isWord("SETNAME") || request[1].isWord("SETINFO") { return reply.ok() }
    if request[1].isWord("GETNAME") { return reply.null() }
    reply.error("ERR unknown subcommand '\(request[1].text.prefix(64))' of CLIENT")
  }

  /// `HELLO`: the version of the protocol. Clients that would like 3 go on with 2 after this error.
  private static func hello(_ request: borrowing Request, _ reply: inout Reply) {
    if request.count > 1, request[1].integer != 2 {
      return reply.error("NOPROTO this server speaks version 2 of the protocol")
    }
    let values = [("server", "gyre-keyvalue"), ("version", "1"), ("mode", "standalone"), ("role", "master")]
    reply.array(count: 2 * values.count + 2)
    reply.bulk("proto")
    reply.integer(2)
    for (name, value) in values {
      reply.bulk(name)
      reply.bulk(value)
    }
  }
}
