extension Command {
  /// Commands on values as numbers.
  static let numberCommands = [
    Command("INCR", 1...1) { store, request, reply in store.increment(request, by: 1, &reply) },
    Command("DECR", 1...1) { store, request, reply in store.increment(request, by: -1, &reply) },
    Command("INCRBY", 2...2) { store, request, reply in store.increment(request, by: request[2].integer, &reply) },
    Command("DECRBY", 2...2) { store, request, reply in
      // The least number has no positive counterpart.
      let step = request[2].integer.flatMap { $0 == .min ? nil : -$0 }
      store.increment(request, by: step, &reply)
    },
    Command("INCRBYFLOAT", 2...2) { store, request, reply in store.incrementFloat(request, &reply) },
  ]
}

extension Store {
  static let notAnInteger = "ERR value is not an integer or out of range"

  fileprivate func increment(_ request: borrowing Request, by step: Int64?, _ reply: inout Reply) {
    guard let step, let old = integer(of: request[1]) else { return reply.error(Store.notAnInteger) }
    let (sum, overflows) = old.addingReportingOverflow(step)
    if overflows { return reply.error("ERR increment or decrement would overflow") }
    request[1].withUnsafeBytes { key in
      Decimal.withDigits(of: sum) { digits in _ = keyspace.table.set(key, to: digits) }
    }
    reply.integer(sum)
  }

  /// A key's number, 0 if it is not there; `nil` if its value is none.
  private func integer(of key: RawSpan) -> Int64? {
    guard let entry = keyspace.find(key) else { return 0 }
    // The entry is not changed before this function returns.
    return RawSpan(_unsafeBytes: UnsafeRawBufferPointer(entry.value)).integer
  }

  fileprivate func incrementFloat(_ request: borrowing Request, _ reply: inout Reply) {
    guard let step = request[2].double, let old = double(of: request[1]) else {
      return reply.error("ERR value is not a valid float")
    }
    let sum = old + step
    guard sum.isFinite else { return reply.error("ERR increment would produce NaN or Infinity") }
    // The shortest digits that mean this number; a whole one is written as INCR would.
    let digits = Array((Int64(exactly: sum).map { "\($0)" } ?? "\(sum)").utf8)
    keyspace.table.set(request[1], to: digits.span.bytes)
    reply.bulk(digits.span.bytes)
  }

  private func double(of key: RawSpan) -> Double? {
    guard let entry = keyspace.find(key) else { return 0 }
    // The entry is not changed before this function returns.
    return RawSpan(_unsafeBytes: UnsafeRawBufferPointer(entry.value)).double
  }
}
