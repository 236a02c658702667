extension Command {
  /// Commands on values as bytes.
  static let valueCommands = [
    Command("GET", 1...1) { store, request, reply in store.get(request, &reply) },
    Command("SET", 2...most) { store, request, reply in store.set(request, &reply) },
    Command("SETNX", 2...2) { store, request, reply in store.setIfAbsent(request, &reply) },
    Command("SETEX", 3...3) { store, request, reply in store.setWithEnd(request, unit: 1000, &reply) },
    Command("PSETEX", 3...3) { store, request, reply in store.setWithEnd(request, unit: 1, &reply) },
    Command("GETSET", 2...2) { store, request, reply in store.getAndSet(request, &reply) },
    Command("GETDEL", 1...1) { store, request, reply in store.getAndDelete(request, &reply) },
    Command("GETEX", 1...3) { store, request, reply in store.getAndSetEnd(request, &reply) },
    Command("MGET", 1...most) { store, request, reply in store.getAll(request, &reply) },
    Command("MSET", 2...most) { store, request, reply in store.setAll(request, &reply) },
    Command("MSETNX", 2...most) { store, request, reply in store.setAllIfAbsent(request, &reply) },
    Command("STRLEN", 1...1) { store, request, reply in reply.integer(Int64(store.length(request[1]))) },
    Command("APPEND", 2...2) { store, request, reply in store.append(request, &reply) },
    Command("GETRANGE", 3...3) { store, request, reply in store.getRange(request, &reply) },
    Command("SUBSTR", 3...3) { store, request, reply in store.getRange(request, &reply) },
    Command("SETRANGE", 3...3) { store, request, reply in store.setRange(request, &reply) },
  ]
}

extension Store {
  fileprivate func get(_ request: borrowing Request, _ reply: inout Reply) { get(request[1], &reply) }

  private func get(_ key: RawSpan, _ reply: inout Reply) {
    if let entry = keyspace.find(key) { reply.bulk(entry) } else { reply.null() }
  }

  fileprivate func set(_ request: borrowing Request, _ reply: inout Reply) {
    let key = request[1]
    if request.count == 3 {
      set(key, to: request[2])
      return reply.ok()
    }
    let options: SetOptions
    do throws(SetOptions.Failure) {
      options = try SetOptions(request, from: 3, now: keyspace.now)
    } catch {
      return reply.error(error.description)
    }
    let old = keyspace.find(key)
    if options.returnsValue { get(key, &reply) }
    if let mustExist = options.mustExist, (old != nil) != mustExist {
      return options.returnsValue ? () : reply.null()
    }
    let entry = keyspace.table.set(key, to: request[2])
    if !options.keepsEnd { keyspace.setEnd(of: entry, key, at: options.end) }
    if !options.returnsValue { reply.ok() }
  }

  private func set(_ key: RawSpan, to value: RawSpan) {
    let entry = keyspace.table.set(key, to: value)
    keyspace.table.setExpiry(of: entry, to: 0)
  }

  fileprivate func setIfAbsent(_ request: borrowing Request, _ reply: inout Reply) {
    guard keyspace.find(request[1]) == nil else { return reply.integer(0) }
    set(request[1], to: request[2])
    reply.integer(1)
  }

  fileprivate func setWithEnd(_ request: borrowing Request, unit: Int64, _ reply: inout Reply) {
    guard let time = request[2].integer else { return reply.error(Store.notAnInteger) }
    guard time > 0, let end = Keyspace.end(time, unit: unit, after: keyspace.now) else {
      return reply.error("ERR invalid expire time in '\(unit == 1 ? "psetex" : "setex")' command")
    }
    let entry = keyspace.table.set(request[1], to: request[3])
    keyspace.setEnd(of: entry, request[1], at: end)
    reply.ok()
  }

  // MARK: A value, and a change of it

  fileprivate func getAndSet(_ request: borrowing Request, _ reply: inout Reply) {
    get(request[1], &reply)
    set(request[1], to: request[2])
  }

  fileprivate func getAndDelete(_ request: borrowing Request, _ reply: inout Reply) {
    get(request[1], &reply)
    keyspace.table.remove(request[1])
  }

  fileprivate func getAndSetEnd(_ request: borrowing Request, _ reply: inout Reply) {
    let options: SetOptions
    do throws(SetOptions.Failure) {
      options = try SetOptions(endIn: request, now: keyspace.now)
    } catch {
      return reply.error(error.description)
    }
    get(request[1], &reply)
    guard request.count > 2, let entry = keyspace.find(request[1]) else { return }
    keyspace.setEnd(of: entry, request[1], at: options.end)
  }

  // MARK: Several

  fileprivate func getAll(_ request: borrowing Request, _ reply: inout Reply) {
    reply.array(count: request.count - 1)
    for index in 1..<request.count { get(request[index], &reply) }
  }

  fileprivate func setAll(_ request: borrowing Request, _ reply: inout Reply) {
    guard hasPairs(request, &reply) else { return }
    setPairs(request)
    reply.ok()
  }

  fileprivate func setAllIfAbsent(_ request: borrowing Request, _ reply: inout Reply) {
    guard hasPairs(request, &reply) else { return }
    for index in stride(from: 1, to: request.count, by: 2) where keyspace.find(request[index]) != nil {
      return reply.integer(0)
    }
    setPairs(request)
    reply.integer(1)
  }

  /// False if a key has no value behind it, which the client is told.
  private func hasPairs(_ request: borrowing Request, _ reply: inout Reply) -> Bool {
    if request.count % 2 == 1 { return true }
    reply.error("ERR wrong number of arguments for '\(request[0].text.lowercased())' command")
    return false
  }

  private func setPairs(_ request: borrowing Request) {
    for index in stride(from: 1, to: request.count, by: 2) { set(request[index], to: request[index + 1]) }
  }

  // MARK: Parts

  fileprivate func length(_ key: RawSpan) -> Int { keyspace.find(key)?.value.count ?? 0 }

  fileprivate func append(_ request: borrowing Request, _ reply: inout Reply) {
    write(request[2], to: request[1], at: length(request[1]), &reply)
  }

  fileprivate func getRange(_ request: borrowing Request, _ reply: inout Reply) {
    guard let start = request[2].integer, let end = request[3].integer else { return reply.error(Store.notAnInteger) }
    guard let entry = keyspace.find(request[1]) else { return reply.bulk("") }
    // The end is included, what is negative counts from the value's own end, and what is before its beginning is that.
    let count = Int64(entry.value.count)
    if start < 0 && end < start { return reply.bulk("") }
    let first = max(start < 0 ? start + count : start, 0)
    let last = min(max(end < 0 ? end + count : end, 0), count - 1)
    reply.bulk(entry, first <= last ? Int(first)..<Int(last) + 1 : 0..<0)
  }

  fileprivate func setRange(_ request: borrowing Request, _ reply: inout Reply) {
    guard let offset = request[2].integer else { return reply.error(Store.notAnInteger) }
    guard offset >= 0 else { return reply.error("ERR offset is out of range") }
    if request[3].byteCount == 0 { return reply.integer(Int64(length(request[1]))) }
    write(request[3], to: request[1], at: Int(offset), &reply)
  }

  /// Writes over a part of a value, which gets longer if it has to, with zeros in between. Answers its length.
  private func write(_ bytes: RawSpan, to key: RawSpan, at offset: Int, _ reply: inout Reply) {
    guard offset <= RequestParser.Limit.request - bytes.byteCount else {
      return reply.error("ERR string exceeds maximum allowed size")
    }
    keyspace.spend(max(offset - length(key), 0))
    let entry = keyspace.table.extend(key, to: max(length(key), offset + bytes.byteCount))
    bytes.withUnsafeBytes { bytes in
      // The value is that long now, and the entry is not moved meanwhile.
      UnsafeMutableRawBufferPointer(rebasing: entry.value[offset...]).copyMemory(from: bytes)
    }
    reply.integer(Int64(entry.value.count))
  }
}
