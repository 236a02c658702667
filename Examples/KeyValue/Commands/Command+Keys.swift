extension Command {
  /// Commands on keys and their values.
  static let keyCommands = [
    Command("GET", 1...1) { store, request, reply in store.get(request, &reply) },
    Command("SET", 2...most) { store, request, reply in store.set(request, &reply) },
    Command("DEL", 1...most) { store, request, reply in store.delete(request, &reply) },
    Command("EXISTS", 1...most) { store, request, reply in store.exists(request, &reply) },
    Command("INCR", 1...1) { store, request, reply in store.increment(request, by: 1, &reply) },
    Command("DECR", 1...1) { store, request, reply in store.increment(request, by: -1, &reply) },
    Command("EXPIRE", 2...2) { store, request, reply in store.expire(request, unit: 1000, &reply) },
    Command("PEXPIRE", 2...2) { store, request, reply in store.expire(request, unit: 1, &reply) },
    Command("PERSIST", 1...1) { store, request, reply in store.persist(request, &reply) },
    Command("TTL", 1...1) { store, request, reply in store.timeToLive(request, unit: 1000, &reply) },
    Command("PTTL", 1...1) { store, request, reply in store.timeToLive(request, unit: 1, &reply) },
    Command("DBSIZE", 0...0) { store, _, reply in reply.integer(Int64(store.keyspace.table.count)) },
    Command("FLUSHALL", 0...1) { store, _, reply in
      store.keyspace.table.removeAll()
      reply.ok()
    },
  ]
}

extension Store {
  private static let notAnInteger = "ERR value is not an integer or out of range"

  fileprivate func get(_ request: borrowing Request, _ reply: inout Reply) {
    guard let entry = keyspace.find(request[1]) else { return reply.null() }
    // The entry is not changed before this function returns.
    reply.bulk(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(entry.value)))
  }

  fileprivate func set(_ request: borrowing Request, _ reply: inout Reply) {
    let key = request[1]
    if request.count == 3 {
      let entry = keyspace.table.set(key, to: request[2])
      keyspace.table.setExpiry(of: entry, to: 0)
      return reply.ok()
    }
    let options: SetOptions
    do throws(SetOptions.Failure) {
      options = try SetOptions(request, now: keyspace.now)
    } catch {
      return reply.error(error.description)
    }
    if let mustExist = options.mustExist, (keyspace.find(key) != nil) != mustExist { return reply.null() }
    // What has ended must not be kept alive by KEEPTTL.
    if options.keepsEnd { _ = keyspace.find(key) }
    let entry = keyspace.table.set(key, to: request[2])
    if !options.keepsEnd { keyspace.table.setExpiry(of: entry, to: options.end) }
    reply.ok()
  }

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

  fileprivate func increment(_ request: borrowing Request, by step: Int64, _ reply: inout Reply) {
    let key = request[1]
    var number: Int64 = 0
    if let entry = keyspace.find(key) {
      // The entry is changed only below.
      guard let old = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(entry.value)).integer else {
        return reply.error(Store.notAnInteger)
      }
      number = old
    }
    let (sum, overflows) = number.addingReportingOverflow(step)
    if overflows { return reply.error("ERR increment or decrement would overflow") }
    key.withUnsafeBytes { key in
      Decimal.withDigits(of: sum) { digits in _ = keyspace.table.set(key, to: digits) }
    }
    reply.integer(sum)
  }

  // MARK: Ends

  fileprivate func expire(_ request: borrowing Request, unit: Int64, _ reply: inout Reply) {
    guard let time = request[2].integer else { return reply.error(Store.notAnInteger) }
    let (milliseconds, overflows) = time.multipliedReportingOverflow(by: unit)
    let (end, overflowsToo) = milliseconds.addingReportingOverflow(keyspace.now)
    if overflows || overflowsToo {
      return reply.error("ERR invalid expire time in '\(unit == 1 ? "pexpire" : "expire")' command")
    }
    guard let entry = keyspace.find(request[1]) else { return reply.integer(0) }
    keyspace.setEnd(of: entry, request[1], at: end)
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
