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

  /// Keys that are there all the time are visited, whatever happens to the buckets meanwhile.
  @Test(arguments: 0..<8)
  func aScanSeesWhatStays(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let table = Table()
    let keys = (0..<(16 + random.spread(2048))).map { "key \($0)" }
    for key in keys { table.set(key, to: "") }
    var (cursor, seen, more) = (0, Set<String>(), 0)
    repeat {
      cursor = table.visitBucket(at: cursor) { seen.insert(String(decoding: $0.key, as: UTF8.self)) }
      // Less and less, or the table would grow faster than it is looked through for a long time.
      for _ in 0..<(1024 >> min(more / 2048, 10)) {
        table.set("other \(more)", to: "")
        more += 1
      }
      if Int.random(in: 0..<2000, using: &random) == 0 {
        // The smallest table again, with the same keys.
        table.removeAll()
        for key in keys { table.set(key, to: "") }
      }
    } while cursor != 0
    #expect(seen.isSuperset(of: keys), "seed \(seed)")
  }

  @Test func aCursorIsOneBucketWhateverItIs() {
    let table = Table()
    for number in 0..<20_000 { table.set("key \(number)", to: "") }
    var random = SystemRandomNumberGenerator()
    let places = (0..<1000).map { _ in Int(UInt32.random(in: 0...(.max), using: &random)) }
    for cursor in [0, 1, 4, 31, 63, 64, 99999, Int(UInt32.max)] + places {
      var count = 0
      let next = table.visitBucket(at: cursor) { _ in count += 1 }
      // Of one or two on average, by hashes that nobody can choose.
      #expect(count < 40, "\(cursor)")
      #expect(next == 0 || next > cursor, "\(cursor)")
    }
    for cursor in [Int(UInt32.max) + 1, .max, -1, .min] {
      #expect(table.visitBucket(at: cursor) { _ in Issue.record("\(cursor)") } == 0)
    }
  }

  @Test func aPartOfAllKeysHasABound() {
    let many = Keyspace(Table())
    for number in 0..<30_000 { many.table.set("key \(number)", to: "") }
    let (some, next) = many.entries(from: 0, limit: .max, nil)
    #expect((1000..<29_000).contains(some.count))
    #expect(next != 0)
    let long = Keyspace(Table())
    for number in 0..<64 { long.table.set(String(repeating: "k", count: 300_000) + "\(number)", to: "") }
    let (few, rest) = long.entries(from: 0, limit: .max, nil)
    #expect(few.count < 32)
    #expect(rest != 0)
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
