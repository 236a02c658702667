import Gyre
import Testing

@testable import KeyValue

/// What each command does beyond the first ones.
@Suite struct ExamplesKeyValueCommandTests {
  @Test(arguments: ExampleProgram.backends)
  func numbersCountInSteps(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("INCRBY", "n", "40") == 40)
      #expect(try await client.run("DECRBY", "n", "-2") == 42)
      #expect(try await client.run("INCRBY", "n", "-50") == -8)
      #expect(
        try await client.run("INCRBY", "n", "-9223372036854775808")
          == .error("ERR increment or decrement would overflow")
      )
      let floats = [
        ("10.5", "10.5"), ("0.1", "10.6"), ("-5.6", "5"), ("5.0e3", "5005"), ("1e17", "100000000000005008"),
        ("1e300", "1e+300"),
      ]
      for (step, sum) in floats { #expect(try await client.run("INCRBYFLOAT", "f", step) == .bulk(sum)) }
      #expect(try await client.run("GET", "f") == "1e+300")
      _ = try await client.run("SET", "f", "1.7e308")
      #expect(
        try await client.run("INCRBYFLOAT", "f", "1e308") == .error("ERR increment would produce NaN or Infinity")
      )
      for text in ["one", "", " 1", "1 ", "1\0", "\0", "nan", "inf", "0x1p3", "1e999"] {
        _ = try await client.run("SET", "f", text)
        #expect(try await client.run("INCRBYFLOAT", "f", "1") == .error("ERR value is not a valid float"), "\(text)")
      }
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func severalValuesAtOnce(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("MSET", "a", "1", "b", "2", "a", "3") == .ok)
      #expect(try await client.run("MGET", "a", "x", "b") == .array(["3", .null, "2"]))
      #expect(try await client.run("MSETNX", "c", "1", "a", "4") == 0)
      #expect(try await client.run("EXISTS", "c") == 0)
      #expect(try await client.run("MSETNX", "c", "1", "d", "4") == 1)
      #expect(try await client.run("SETNX", "d", "5") == 0)
      #expect(try await client.run("GETSET", "d", "5") == "4")
      #expect(try await client.run("GETDEL", "d") == "5")
      #expect(try await client.run("GETDEL", "d") == .null)
      #expect(try await client.run("SET", "a", "5", "GET", "NX") == "3")
      #expect(try await client.run("SET", "d", "5", "NX", "GET") == .null)
      #expect(try await client.run("MGET", "a", "d") == .array(["3", "5"]))
      #expect(try await client.run("SETEX", "d", "100", "6") == .ok)
      #expect(try await client.run("GETEX", "d", "EX", "50") == "6")
      #expect(try await client.run("TTL", "d") == 50)
      #expect(try await client.run("GETEX", "d") == "6")
      #expect(try await client.run("TTL", "d") == 50)
      #expect(try await client.run("GETEX", "d", "PERSIST") == "6")
      #expect(try await client.run("TTL", "d") == -1)
      #expect(try await client.run("SET", "d", "7", "PXAT", "1") == .ok)
      #expect(try await client.run("GET", "d") == .null)
      #expect(try await client.run("EXPIREAT", "a", "0") == 1)
      #expect(try await client.run("TYPE", "a") == .simple("none"))
      #expect(try await client.run("TYPE", "b") == .simple("string"))
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func partsOfValues(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("APPEND", "a", "Hello") == 5)
      #expect(try await client.run("EXPIRE", "a", "100") == 1)
      #expect(try await client.run("APPEND", "a", " World") == 11)
      #expect(try await client.run("TTL", "a") == 100)
      let ranges = [
        ("0", "4", "Hello"), ("-5", "-1", "World"), ("0", "-1", "Hello World"), ("6", "99", "World"), ("5", "3", ""),
        ("11", "12", ""), ("-99", "0", "H"), ("0", "-99", "H"), ("-1", "-2", ""), ("-99", "-50", "H"),
        ("9223372036854775807", "-9223372036854775808", ""),
      ]
      for (start, end, part) in ranges { #expect(try await client.run("GETRANGE", "a", start, end) == .bulk(part)) }
      #expect(try await client.run("SETRANGE", "a", "6", "Redis") == 11)
      #expect(try await client.run("SETRANGE", "a", "13", "!") == 14)
      #expect(try await client.run("GET", "a") == "Hello Redis\0\0!")
      #expect(try await client.run("SETRANGE", "b", "9", "") == 0)
      #expect(try await client.run("EXISTS", "b") == 0)
      #expect(try await client.run("SETRANGE", "b", "2", "x") == 3)
      #expect(try await client.run("GET", "b") == "\0\0x")
      #expect(try await client.run("STRLEN", "c") == 0)
      for number in 1...300 { #expect(try await client.run("APPEND", "c", "0123456789") == .integer(10 * number)) }
      #expect(try await client.run("GET", "c") == .bulk(String(repeating: "0123456789", count: 300)))
    }
  }

  /// The table grows faster than it is looked through, and no key is missed.
  @Test(arguments: ExampleProgram.backends)
  func scanningFindsAllKeys(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      try await client.fill(500, "old")
      _ = try await client.run("SET", "other", "1", "PX", "1")
      var (cursor, found, more) = ("0", Set<RESPValue>(), 500)
      repeat {
        let answer = try await client.run("SCAN", cursor, "MATCH", "key *", "COUNT", "20").elements
        guard case .bulk(let next) = try #require(answer.first) else { break }
        (cursor, found) = (next, found.union(answer[1].elements))
        for number in more..<more + 40 { _ = try await client.run("SET", "key \(number)", "new") }
        more += 40
      } while cursor != "0"
      for number in 0..<500 { #expect(found.contains(.bulk("key \(number)"))) }
      #expect(!found.contains("other"))
      #expect(try await client.run("SCAN", "9223372036854775807") == .array(["0", .array([])]))
      #expect(try await client.run("SCAN", "0", "TYPE", "hash", "COUNT", "9999") == .array(["0", .array([])]))
      #expect(Set(try await client.run("KEYS", "key 49[89]").elements) == ["key 498", "key 499"])
    }
  }

  /// What a client asks for does not make all others wait.
  @Test(arguments: ExampleProgram.backends)
  func lookingForKeysIsBounded(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      _ = try await client.run("SET", "key", "1")
      // Cursors that no server has given.
      for cursor in ["1", "4", "31", "63", "64", "99999", "4294967295", "4294967296", "9223372036854775807"] {
        let answer = try await client.run("SCAN", cursor, "COUNT", "9223372036854775807").elements
        #expect(answer.first == "0", "\(cursor)")
      }
      #expect(try await client.run("SCAN", "0", "COUNT", "9223372036854775807") == .array(["0", .array(["key"])]))
      let long = "*" + String(repeating: "a", count: 1024)
      let error = RESPValue.error("ERR a pattern has at most 1024 bytes")
      #expect(try await client.run("KEYS", long) == error)
      #expect(try await client.run("SCAN", "0", "MATCH", long) == error)
      #expect(try await client.run("CONFIG", "GET", long) == error)
      #expect(try await client.run("KEYS", "k" + long.dropLast(2)) == .array([]))
      let patterns = Array(repeating: "*", count: 17)
      #expect(
        try await client.run(["CONFIG", "GET"] + patterns)
          == .error("ERR wrong number of arguments for 'config' command")
      )
    }
  }

  /// Each part ends with answers to send, and others have their turn then.
  @Test func requestsThatTakeLongComeInParts() async throws {
    try await withLoop(.epoll) { loop in
      let store = Store(on: loop, Table(), savingTo: "")
      let wanted = [["KEYS", "other"], ["SETRANGE", "zeros", "2000000", "1"]]
      store.use { store in
        for number in 0..<20_000 { store.keyspace.table.set("key \(number)", to: "") }
        for words in wanted {
          let request = KeyValueClient.request(words)
          var (offset, parser, client) = (0, RequestParser(), Client(number: 1))
          // The second time there is nothing to fill with zeros.
          for part in 1...(words[0] == "KEYS" ? 3 : 1) {
            let input = request + request + request
            let pause = store.answer(input.span.bytes, from: &offset, &parser, &client)
            #expect("\(pause)" == "hasMuchToSend")
            #expect(offset == part * request.count)
          }
        }
      }
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func transactionsAreCarriedOutTogether(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, client) async throws in
      let other = try await KeyValueClient(program)
      #expect(try await client.run("MULTI") == .ok)
      #expect(try await client.run("INCR", "a") == .simple("QUEUED"))
      #expect(try await client.run("MULTI") == .error("ERR MULTI calls can not be nested"))
      #expect(try await client.run("GET", "a") == .simple("QUEUED"))
      #expect(try await client.run("CLIENT", "GETNAME") == .simple("QUEUED"))
      #expect(try await other.run("GET", "a") == .null)
      #expect(try await client.run("EXEC") == .array([1, "1", .null]))
      _ = try await client.run("MULTI")
      _ = try await client.run("INCR", "a")
      #expect(try await client.run("DISCARD") == .ok)
      _ = try await client.run("MULTI")
      _ = try await client.run("INCR", "a")
      #expect(try await client.run("NOTHING") == .error("ERR unknown command 'NOTHING'"))
      #expect(try await client.run("EXEC") == .error("EXECABORT Transaction discarded because of previous errors."))
      #expect(try await client.run("GET", "a") == "1")
      #expect(try await client.run("MULTI") == .ok)
      #expect(try await client.run("EXEC") == .array([]))
    }
  }

  /// In the third version of the protocol nothing is missing in its own way, and maps are maps.
  @Test(arguments: ExampleProgram.backends)
  func bothVersionsOfTheProtocol(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("HELLO").elements.dropFirst(8).prefix(2) == ["proto", 2])
      let values = try await client.run("HELLO", "3", "SETNAME", "me").fields
      #expect(values["proto"] == 3)
      #expect(try await client.run("CLIENT", "GETNAME") == "me")
      #expect(try await client.run("CLIENT", "ID") == values["id"])
      #expect(try await client.run("CONFIG", "GET", "append*") == .map(["appendonly": "no"]))
      try await client.connection.send("GET nothing\r\n")
      #expect(try await client.connection.bytes(3) == Array("_\r\n".utf8))
      #expect(try await client.run("HELLO", "2").elements.count == 12)
      #expect(try await client.run("CONFIG", "GET", "append*") == .array(["appendonly", "no"]))
    }
  }

  /// One request can ask for far more than it has sent.
  @Test(arguments: ExampleProgram.backends)
  func anAnswerHasABound(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("SETRANGE", "a", "49999999", "x") == 50_000_000)
      let values = try await client.run(["MGET"] + Array(repeating: "a", count: 1000)).elements
      #expect(values.count == 1000)
      #expect(values.count { $0 == .error("ERR these are too many bytes for one answer") } == 998)
      #expect(try await client.run("STRLEN", "a") == 50_000_000)
    }
  }
}
