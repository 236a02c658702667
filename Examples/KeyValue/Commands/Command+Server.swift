import Glibc

extension Command {
  /// Commands on the server.
  static let serverCommands = [
    Command("PING", 0...1) { _, request, reply in
      if request.count == 2 { reply.bulk(request[1]) } else { reply.simple("PONG") }
    },
    Command("ECHO", 1...1) { _, request, reply in reply.bulk(request[1]) },
    Command("SELECT", 1...1) { _, request, reply in
      if request[1].integer == 0 { reply.ok() } else { reply.error("ERR DB index is out of range: there is one, 0") }
    },
    Command("TIME", 0...0) { _, _, reply in tellTime(&reply) },
    Command("INFO", 0...most) { store, request, reply in
      var wanted: [String] = []
      for index in 1..<request.count { wanted.append(request[index].text.lowercased()) }
      reply.bulk(store.information(wanted))
    },
    // So many, since each of them is a pattern to make.
    Command("CONFIG", 1...16) { _, request, reply in configuration(request, &reply) },
    Command("COMMAND", 0...most) { _, request, reply in describe(request, &reply) },
  ]

  /// `TIME`: seconds since 1970, and microseconds.
  private static func tellTime(_ reply: inout Reply) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    reply.array(count: 2)
    reply.bulk("\(time.tv_sec)")
    reply.bulk("\(time.tv_nsec / 1000)")
  }

  /// `CONFIG GET`: what benchmarks and clients ask for. There is nothing to set.
  private static func configuration(_ request: borrowing Request, _ reply: inout Reply) {
    guard request[1].isWord("GET"), request.count > 2 else {
      return reply.error("ERR only CONFIG GET is there: this server is configured by its command line")
    }
    let values = ["save": "", "appendonly": "no", "databases": "1", "maxmemory": "0"]
    var found: [String: String] = [:]
    for index in 2..<request.count {
      guard let pattern = Glob(Array(request[index].text.lowercased().utf8).span.bytes) else {
        return reply.error(Store.patternTooLong)
      }
      for (name, value) in values where Array(name.utf8).withUnsafeBytes(pattern.matches) { found[name] = value }
    }
    reply.map(count: found.count)
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
      reply.array(count: 7)
      reply.bulk(command.name.lowercased())
      reply.integer(fewest == most ? fewest : -fewest)
      // Flags, where the keys are, and categories, of which nobody here makes a difference.
      reply.array(count: 0)
      for _ in 0..<3 { reply.integer(0) }
      reply.array(count: 0)
    }
  }
}
