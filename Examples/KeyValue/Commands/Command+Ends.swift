extension Command {
  /// Commands on when keys end.
  static let endCommands = [
    Command("EXPIRE", 2...2) { store, request, reply in store.expire(request, unit: 1000, &reply) },
    Command("PEXPIRE", 2...2) { store, request, reply in store.expire(request, unit: 1, &reply) },
    Command("EXPIREAT", 2...2) { store, request, reply in store.expire(request, unit: 1000, after: 0, &reply) },
    Command("PEXPIREAT", 2...2) { store, request, reply in store.expire(request, unit: 1, after: 0, &reply) },
    Command("PERSIST", 1...1) { store, request, reply in store.persist(request, &reply) },
    Command("TTL", 1...1) { store, request, reply in store.timeToLive(request, unit: 1000, &reply) },
    Command("PTTL", 1...1) { store, request, reply in store.timeToLive(request, unit: 1, &reply) },
  ]
}

extension Store {
  /// - Parameter start: what the time is counted from, in milliseconds since 1970; `nil` for now.
  fileprivate func expire(
    _ request: borrowing Request,
    unit: Int64,
    after start: Int64? = nil,
    _ reply: inout Reply
  ) {
    guard let time = request[2].integer else { return reply.error(Store.notAnInteger) }
    guard let end = Keyspace.end(time, unit: unit, after: start ?? keyspace.now) else {
      return reply.error("ERR invalid expire time in '\(request[0].text.lowercased())' command")
    }
    guard let entry = keyspace.find(request[1]) else { return reply.integer(0) }
    // What ended long ago, or at 0, ends now.
    keyspace.setEnd(of: entry, request[1], at: max(end, 1))
    reply.integer(1)
  }

  fileprivate func persist(_ request: borrowing Request, _ reply: inout Reply) {
    guard let entry = keyspace.find(request[1]), entry.header.pointee.expiry != 0 else { return reply.integer(0) }
    keyspace.table.setExpiry(of: entry, to: 0)
    reply.integer(1)
  }

  /// -2 for a key that is not there, -1 for one that does not end.
  fileprivate func timeToLive(_ request: borrowing Request, unit: Int64, _ reply: inout Reply) {
    guard let entry = keyspace.find(request[1]) else { return reply.integer(-2) }
    guard entry.header.pointee.expiry != 0 else { return reply.integer(-1) }
    reply.integer((entry.header.pointee.expiry - keyspace.now + unit / 2) / unit)
  }
}
