extension Command {
  /// Commands on keys.
  static let keyCommands = [
    Command("DEL", 1...most) { store, request, reply in store.delete(request, &reply) },
    Command("UNLINK", 1...most) { store, request, reply in store.delete(request, &reply) },
    Command("EXISTS", 1...most) { store, request, reply in store.exists(request, &reply) },
    Command("TYPE", 1...1) { store, request, reply in
      if store.keyspace.find(request[1]) == nil { reply.simple("none") } else { reply.simple("string") }
    },
    Command("KEYS", 1...1) { store, request, reply in store.keys(request, &reply) },
    Command("SCAN", 1...7) { store, request, reply in store.scan(request, &reply) },
    Command("DBSIZE", 0...0) { store, _, reply in reply.integer(Int64(store.keyspace.table.count)) },
    Command("FLUSHALL", 0...1) { store, _, reply in store.removeAll(&reply) },
    Command("FLUSHDB", 0...1) { store, _, reply in store.removeAll(&reply) },
  ]
}

extension Store {
  static let patternTooLong = "ERR a pattern has at most \(Glob.most) bytes"

  fileprivate func delete(_ request: borrowing Request, _ reply: inout Reply) {
    var count: Int64 = 0
    for index in 1..<request.count where keyspace.find(request[index]) != nil {
      keyspace.table.remove(request[index])
      count += 1
    }
    reply.integer(count)
  }

  fileprivate func exists(_ request: borrowing Request, _ reply: inout Reply) {
    var count: Int64 = 0
    for index in 1..<request.count where keyspace.find(request[index]) != nil { count += 1 }
    reply.integer(count)
  }

  fileprivate func removeAll(_ reply: inout Reply) {
    keyspace.table.removeAll()
    reply.ok()
  }

  // MARK: Looking for keys

  fileprivate func keys(_ request: borrowing Request, _ reply: inout Reply) {
    guard let pattern = Glob(request[1]) else { return reply.error(Store.patternTooLong) }
    reply.keys(keyspace.entries(pattern))
  }

  fileprivate func scan(_ request: borrowing Request, _ reply: inout Reply) {
    guard let start = request[1].integer, start >= 0 else { return reply.error("ERR invalid cursor") }
    let options: ScanOptions
    do throws(ScanOptions.Failure) {
      options = try ScanOptions(request)
    } catch {
      return reply.error(error.description)
    }
    let (entries, next) =
      options.finds ? keyspace.entries(from: Int(start), limit: options.count, options.pattern) : ([], 0)
    reply.array(count: 2)
    reply.bulk("\(next)")
    reply.keys(entries)
  }
}

extension Reply {
  fileprivate mutating func keys(_ entries: [Entry]) {
    array(count: entries.count)
    for entry in entries { bulk(entry.key) }
  }
}
