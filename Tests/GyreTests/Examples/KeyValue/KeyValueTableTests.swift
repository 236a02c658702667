import Testing

@testable import KeyValue

@Suite struct KeyValueTableTests {
  /// What a dictionary would do, whatever is done in whatever order.
  @Test(arguments: 0..<20)
  func itDoesWhatADictionaryDoes(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let table = Table()
    var model: [String: (value: String, expiry: Int64)] = [:]
    for step in 0..<5000 {
      let key = "key \(random.spread(4096))"
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        let value = String(repeating: "v", count: random.spread(512)) + "\(step)"
        table.set(key, to: value)
        model[key, default: ("", 0)].value = value
      case 5..<8:
        #expect(table.remove(key) == (model.removeValue(forKey: key) != nil), "seed \(seed)")
      case 8:
        guard let entry = table.find(key) else { break }
        let expiry = Int64.random(in: 0...100, using: &random)
        table.setExpiry(of: entry, to: expiry)
        model[key]!.expiry = expiry
      default:
        let entry = table.find(key)
        #expect(entry.map { String(decoding: $0.value, as: UTF8.self) } == model[key]?.value, "seed \(seed)")
      }
    }
    try expectEqual(table, model, "seed \(seed)")
    let now: Int64 = 50
    var bucket = 0
    for _ in 0..<5000 { bucket = table.removeEnded(at: now, fromBucket: bucket, limit: 16) }
    model = model.filter { $0.value.expiry == 0 || $0.value.expiry > now }
    try expectEqual(table, model, "seed \(seed)")
    table.removeAll()
    try expectEqual(table, [:], "seed \(seed)")
    #expect(table.memory == Table().memory)
  }

  @Test func aValueThatShrinksGivesMemoryBack() {
    let table = Table()
    let empty = table.memory
    table.set("key", to: String(repeating: "v", count: 100_000))
    #expect(table.memory > empty + 100_000)
    table.set("key", to: "v")
    #expect(table.memory < empty + 200)
    #expect(table.remove("key"))
    #expect(table.memory == empty)
  }

  @Test func emptyKeysAndValuesAreOnesLikeOthers() throws {
    let table = Table()
    table.set("", to: "")
    #expect(table.count == 1)
    #expect(try #require(table.find("")).value.isEmpty)
    #expect(table.find("a") == nil)
  }

  private func expectEqual(
    _ table: Table,
    _ model: [String: (value: String, expiry: Int64)],
    _ comment: Comment
  ) throws {
    #expect(table.count == model.count, comment)
    #expect(table.expiringCount == model.values.count { $0.expiry != 0 }, comment)
    var seen = 0
    table.forEach { entry in
      let expected = model[String(decoding: entry.key, as: UTF8.self)]
      #expect(expected?.value == String(decoding: entry.value, as: UTF8.self), comment)
      #expect(expected?.expiry == entry.header.pointee.expiry, comment)
      seen += 1
    }
    #expect(seen == model.count, comment)
  }
}
