import Foundation
import Gyre
import Testing

@testable import KeyValue

@Suite struct ExamplesKeyValueTests {
  @Test(arguments: ExampleProgram.backends)
  func keysAndValues(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("PING") == .simple("PONG"))
      #expect(try await client.run("ping", "hello") == "hello")
      #expect(try await client.run("GET", "a") == .null)
      #expect(try await client.run("SET", "a", "1") == .ok)
      #expect(try await client.run("GET", "a") == "1")
      #expect(try await client.run("SET", "a", "2", "NX") == .null)
      #expect(try await client.run("SET", "b", "2", "XX") == .null)
      #expect(try await client.run("SET", "b", "2", "nx") == .ok)
      #expect(try await client.run("SET", "a", "3", "XX") == .ok)
      #expect(try await client.run("EXISTS", "a", "b", "c", "a") == 3)
      #expect(try await client.run("DBSIZE") == 2)
      #expect(try await client.run("DEL", "a", "b", "c") == 2)
      #expect(try await client.run("DBSIZE") == 0)
      let bytes = String(repeating: "\r\n$*\0", count: 20_000)
      #expect(try await client.run("SET", "", bytes) == .ok)
      #expect(try await client.run("GET", "") == .bulk(bytes))
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func numbersCount(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("INCR", "n") == 1)
      #expect(try await client.run("INCR", "n") == 2)
      #expect(try await client.run("DECR", "n") == 1)
      #expect(try await client.run("GET", "n") == "1")
      _ = try await client.run("SET", "n", "9223372036854775807")
      #expect(try await client.run("INCR", "n") == .error("ERR increment or decrement would overflow"))
      #expect(try await client.run("GET", "n") == "9223372036854775807")
      _ = try await client.run("SET", "n", "-9223372036854775808")
      #expect(try await client.run("INCR", "n") == .integer(-9_223_372_036_854_775_807))
      for text in ["", "x", " 1", "+1", "01", "1.0", "-", "-0x", "9223372036854775808"] {
        _ = try await client.run("SET", "n", text)
        #expect(try await client.run("INCR", "n") == .error("ERR value is not an integer or out of range"))
      }
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func keysEnd(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      #expect(try await client.run("TTL", "a") == -2)
      #expect(try await client.run("EXPIRE", "a", "10") == 0)
      #expect(try await client.run("SET", "a", "1", "EX", "100") == .ok)
      #expect(try await client.run("TTL", "a") == 100)
      #expect(try await client.run("INCR", "a") == 2)
      #expect(try await client.run("TTL", "a") == 100)
      #expect(try await client.run("SET", "a", "1", "KEEPTTL") == .ok)
      #expect(try await client.run("TTL", "a") == 100)
      #expect(try await client.run("SET", "a", "1") == .ok)
      #expect(try await client.run("TTL", "a") == -1)
      #expect(try await client.run("EXPIRE", "a", "50") == 1)
      #expect(try await client.run("TTL", "a") == 50)
      #expect(try await client.run("PERSIST", "a") == 1)
      #expect(try await client.run("TTL", "a") == -1)
      #expect(try await client.run("EXPIRE", "a", "-1") == 1)
      #expect(try await client.run("GET", "a") == .null)
      #expect(try await client.run("SET", "a", "1", "PX", "1") == .ok)
      // Nobody asks for it, and yet it goes.
      try await client.waitUntil("expired_keys", is: "1")
      #expect(try await client.run("DBSIZE") == 0)
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func aBadCommandGetsAnErrorAndTheConnectionGoesOn(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      let cases: [(words: [String], message: String)] = [
        (["FOO", "a"], "ERR unknown command 'FOO'"), (["GET"], "ERR wrong number of arguments for 'get' command"),
        (["a\r\nb"], "ERR unknown command 'a  b'"), (["SET", "a", "1", "EX"], "ERR syntax error"),
        (["SET", "a", "1", "NX", "XX"], "ERR syntax error"),
        (["SET", "a", "1", "EX", "0"], "ERR invalid expire time in 'set' command"),
        (["SET", "a", "1", "PX", "9223372036854775807"], "ERR invalid expire time in 'set' command"),
        (["SET", "a", "1", "PX", "x"], "ERR value is not an integer or out of range"),
        (["EXPIRE", "a", "9223372036854775807"], "ERR invalid expire time in 'expire' command"),
        (["HELLO", "4"], "NOPROTO unsupported protocol version"), (["HELLO", "3", "x"], "ERR syntax error"),
        (["AUTH", "x"], "WRONGPASS this server has no users and no passwords: connect without them"),
        (
          ["HELLO", "3", "AUTH", "u", "p"], "WRONGPASS this server has no users and no passwords: connect without them"
        ),
        (["INCRBY", "a", "x"], "ERR value is not an integer or out of range"),
        (["DECRBY", "a", "-9223372036854775808"], "ERR value is not an integer or out of range"),
        (["INCRBYFLOAT", "a", "nan"], "ERR value is not a valid float"),
        (["MSET", "a"], "ERR wrong number of arguments for 'mset' command"),
        (["MSET", "a", "1", "b"], "ERR wrong number of arguments for 'mset' command"),
        (["MSETNX", "a", "1", "b"], "ERR wrong number of arguments for 'msetnx' command"),
        (["SETEX", "a", "0", "1"], "ERR invalid expire time in 'setex' command"),
        (["PSETEX", "a", "-1", "1"], "ERR invalid expire time in 'psetex' command"),
        (["GETEX", "a", "EX", "0"], "ERR invalid expire time in 'getex' command"),
        (["GETEX", "a", "NX"], "ERR syntax error"),
        (["EXPIREAT", "a", "9223372036854775807"], "ERR invalid expire time in 'expireat' command"),
        (["SETRANGE", "a", "-1", "x"], "ERR offset is out of range"),
        (["SETRANGE", "a", "67108864", "x"], "ERR string exceeds maximum allowed size"),
        (["SETRANGE", "a", "9223372036854775807", "x"], "ERR string exceeds maximum allowed size"),
        (["SCAN", "-1"], "ERR invalid cursor"), (["SCAN", "0", "COUNT", "0"], "ERR syntax error"),
        (["SCAN", "0", "MATCH"], "ERR syntax error"),
        (["CLIENT", "SETNAME", "a b"], "ERR a client’s name has at most 64 bytes, without blanks"),
        (["EXEC"], "ERR EXEC without MULTI"), (["DISCARD"], "ERR DISCARD without MULTI"),
      ]
      for (words, message) in cases {
        let answer = try await client.run(words)
        #expect(answer == .error(message))
      }
      #expect(try await client.run("PING") == .simple("PONG"))
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func whatIsNoRequestEndsTheConnection(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, client) async throws in
      try await client.connection.send("PING\r\n*1\r\n!\r\nPING\r\n")
      #expect(try await client.answer() == .simple("PONG"))
      #expect(try await client.answer() == .error("ERR Protocol error: expected '$', got '!'"))
      #expect(try await client.isAtEnd())
      let other = try await KeyValueClient(program)
      #expect(try await other.run("QUIT") == .ok)
      #expect(try await other.isAtEnd())
    }
  }

  /// What a browser sends for a page that names this port: no line of it is carried out.
  @Test(arguments: ExampleProgram.backends)
  func aRequestOfHTTPIsNotCarriedOut(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, client) async throws in
      for first in ["POST / HTTP/1.1", "GET / HTTP/1.1", "PUT /a HTTP/1.1", "OPTIONS * HTTP/1.1"] {
        let attacker = try await KeyValueClient(program)
        try await attacker.connection.send("\(first)\r\nHost: 127.0.0.1\r\nContent-Length: 14\r\n\r\nSET victim 1\r\n")
        var answer = try await attacker.answer()
        if answer != .error("ERR this is no HTTP server") { answer = try await attacker.answer() }
        #expect(answer == .error("ERR this is no HTTP server"))
        #expect(try await attacker.isAtEnd())
        #expect(try await client.run("EXISTS", "victim") == 0)
      }
    }
  }

  /// A client that sends on and reads later still gets the last answer.
  @Test(arguments: ExampleProgram.backends)
  func theLastAnswerArrives(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, _) async throws in
      let more = String(repeating: "x", count: 8_000_000)
      let cases: [(String, RESPValue)] = [
        ("*2\r\n$3\r\nGET\r\n$100000000\r\n", .error("ERR Protocol error: a request has at most 67108864 bytes")),
        ("QUIT\r\n", .ok), ("*70001\r\n", .error("ERR Protocol error: invalid multibulk length")),
      ]
      for (request, last) in cases {
        let client = try await KeyValueClient(program)
        try await client.connection.send(request + more)
        #expect(try await client.answer() == last)
        #expect(try await client.isAtEnd())
      }
    }
  }

  /// Requests sent together, cut anywhere, are answered in order; far more is asked for than is kept before sending.
  @Test(arguments: ExampleProgram.backends)
  func pipelinedRequestsAreAnsweredInOrder(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (_, client) async throws in
      let count = 3000
      let value = String(repeating: "v", count: 1000)
      var requests = KeyValueClient.request(["SET", "value", value])
      for _ in 0..<count {
        requests += KeyValueClient.request(["INCR", "n"]) + KeyValueClient.request(["GET", "value"])
      }
      let all = requests
      let connection = client.connection
      async let sending: Void = {
        var rest = all[...]
        var size = 1
        while !rest.isEmpty {
          try await connection.send(Array(rest.prefix(size)))
          rest = rest.dropFirst(size)
          size = size * 7 % 9973 + 1
        }
      }()
      #expect(try await client.answer() == .ok)
      for number in 1...count {
        #expect(try await client.answer() == .integer(number))
        #expect(try await client.answer() == .bulk(value))
      }
      try await sending
    }
  }

  // MARK: Saving

  /// Everything is overwritten while the child writes: the image holds what was there when it was asked for.
  @Test(.disabled(if: Sanitizer.isThreadSanitizer, Sanitizer.forbidsForks), arguments: ExampleProgram.backends)
  func anImageIsOfTheMomentOfTheRequest(backend: Backend) async throws {
    try await TemporaryDirectory.with { directory in
      let image = directory + "/image"
      let count = 20_000
      try await ExampleProgram.run("KeyValue", image, backend: backend) { program in
        let client = try await KeyValueClient(program)
        try await client.fill(count, "old")
        _ = try await client.run("SET", "short", "1", "EX", "1000")
        let before = try await client.run("LASTSAVE")
        #expect(try await client.run("BGSAVE") == .simple("Background saving started"))
        try await client.fill(count, "new")
        _ = try await client.run("SET", "late", "1")
        try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
        #expect(try await client.information("rdb_last_bgsave_status") == "ok")
        guard case .integer(let first) = before, case .integer(let second) = try await client.run("LASTSAVE") else {
          Issue.record("LASTSAVE is no number")
          return
        }
        #expect(second >= first)
        #expect(try #require(Int(try await client.information("latest_fork_usec"))) > 0)
        #expect(try #require(Int(try await client.information("rdb_last_cow_size"))) > 0)
      }
      try await ExampleProgram.run("KeyValue", image, backend: backend) { program in
        let client = try await KeyValueClient(program)
        #expect(try await client.run("DBSIZE") == .integer(count + 1))
        for number in 0..<count { #expect(try await client.run("GET", "key \(number)") == .bulk("old \(number)")) }
        guard case .integer(let left) = try await client.run("TTL", "short") else {
          Issue.record("TTL is no number")
          return
        }
        #expect((900...1000).contains(left))
      }
    }
  }

  /// The child hangs at a named pipe, for as long as it takes to look: the parent serves on. Then it is killed.
  @Test(.disabled(if: Sanitizer.isThreadSanitizer, Sanitizer.forbidsForks), arguments: ExampleProgram.backends)
  func theServerServesOnWhileItsChildWritesAndSurvivesItsEnd(backend: Backend) async throws {
    try await TemporaryDirectory.with { directory in
      let image = directory + "/image"
      try await ExampleProgram.run("KeyValue", image, backend: backend) { program in
        let client = try await KeyValueClient(program)
        _ = try await client.run("SET", "a", "1")
        _ = try await client.run("BGSAVE")
        try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
        let good = try Data(contentsOf: URL(fileURLWithPath: image))

        #expect(mkfifo(image + ".saving", 0o600) == 0)
        #expect(try await client.run("BGSAVE") == .simple("Background saving started"))
        #expect(try await client.run("BGSAVE") == .error("ERR Background save already in progress"))
        #expect(try await client.information("rdb_bgsave_in_progress") == "1")
        try await client.fill(1000, "new")
        #expect(try await client.run("GET", "key 1") == "new 1")
        let child = try #require(Int32(try await client.information("rdb_child_pid")))
        try #require(child > 0)
        kill(child, SIGKILL)
        try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
        #expect(try await client.information("rdb_last_bgsave_status") == "err")
        #expect(
          try await client.information("rdb_last_bgsave_error") == "the saving process ended with signal 9 (Killed)"
        )
        #expect(try Data(contentsOf: URL(fileURLWithPath: image)) == good)
        #expect(kill(child, 0) == -1 && errno == ESRCH, "the child was not reaped")

        // Nothing is left in the way of the next one.
        #expect(try await client.run("BGSAVE") == .simple("Background saving started"))
        try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
        #expect(try await client.information("rdb_last_bgsave_status") == "ok")
        #expect(try Data(contentsOf: URL(fileURLWithPath: image)) != good)
      }
    }
  }

  @Test(.disabled(if: Sanitizer.isThreadSanitizer, Sanitizer.forbidsForks), arguments: ExampleProgram.backends)
  func aSaveThatFailsKeepsTheLastImageAndSaysWhy(backend: Backend) async throws {
    try await TemporaryDirectory.with { directory in
      let image = directory + "/image"
      try await ExampleProgram.run("KeyValue", image, backend: backend) { program in
        let client = try await KeyValueClient(program)
        _ = try await client.run("BGSAVE")
        try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
        let good = try Data(contentsOf: URL(fileURLWithPath: image))
        _ = try await client.run("SET", "a", "1")
        mkdir(image + ".saving", 0o700)
        _ = try await client.run("BGSAVE")
        try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
        let error = try await client.information("rdb_last_bgsave_error")
        #expect(error.hasPrefix("create \(image)") && error.hasSuffix("EISDIR (Is a directory)"), "\(error)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: image)) == good)
        #expect(try await client.run("GET", "a") == "1")
      }
    }
  }

  /// Inherited from a wrapper or an init script.
  @Test(.disabled(if: Sanitizer.isThreadSanitizer, Sanitizer.forbidsForks), arguments: ExampleProgram.backends)
  func anIgnoredSIGCHLDKeepsNoSaveInProgress(backend: Backend) async throws {
    try await TemporaryDirectory.with { directory in
      try await ExampleProgram.run("KeyValue", directory + "/image", backend: backend, prelude: "trap '' CHLD") {
        program in
        let client = try await KeyValueClient(program)
        for _ in 0..<2 {
          #expect(try await client.run("BGSAVE") == .simple("Background saving started"))
          try await client.waitUntil("rdb_bgsave_in_progress", is: "0")
          #expect(try await client.information("rdb_last_bgsave_status") == "ok")
        }
      }
    }
  }

  @Test func aDamagedImageIsAnErrorAndIsKept() throws {
    try TemporaryDirectory.with { directory in
      let image = URL(fileURLWithPath: directory + "/image")
      let damaged = Data("GYREKV01 this is no image at all".utf8)
      try damaged.write(to: image)
      let failure = try ExampleProgram.failure("KeyValue", ["0", image.path])
      #expect(failure.status == 1)
      #expect(failure.message.hasPrefix("keyvalue: the image \(image.path) is damaged: "))
      #expect(failure.message.contains("move it away to start without keys"))
      #expect(try Data(contentsOf: image) == damaged)
    }
  }

  // MARK: Redis's own clients

  @Test(.enabled(if: RedisTools.areInstalled, RedisTools.areMissing), arguments: ExampleProgram.backends)
  func redisCliCanTalkToIt(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, _) async throws in
      let port = program.address.port
      #expect(try RedisTools.run("redis-cli", port: port, "set", "a", "x y") == "OK\n")
      #expect(try RedisTools.run("redis-cli", port: port, "get", "a") == "x y\n")
      #expect(try RedisTools.run("redis-cli", port: port, "command", "count") == "\(Command.all.count)\n")
      #expect(try RedisTools.run("redis-cli", port: port, "info", "keyspace").contains("db0:keys=1,expires=0"))
      #expect(try RedisTools.run("redis-cli", port: port, "config", "get", "appendonly") == "appendonly\nno\n")
    }
  }

  @Test(.enabled(if: RedisPy.isInstalled, RedisPy.isMissing), arguments: ExampleProgram.backends)
  func theBasicsOfRedisPy(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, _) async throws in
      #expect(try RedisPy.runBasics(port: program.address.port) == "fine\n")
    }
  }

  @Test(.enabled(if: RedisTools.areInstalled, RedisTools.areMissing), arguments: ExampleProgram.backends)
  func redisBenchmarkRuns(backend: Backend) async throws {
    try await KeyValueClient.withServer(backend) { (program, client) async throws in
      for pipeline in ["1", "16"] {
        let output = try RedisTools.run(
          "redis-benchmark",
          port: program.address.port,
          "-t",
          "set,get,incr",
          "-c",
          "50",
          "-P",
          pipeline,
          "-n",
          "5000",
          "-r",
          "100",
          "--csv"
        )
        for command in ["SET", "GET", "INCR"] { #expect(output.contains("\"\(command)\""), "\(output)") }
      }
      #expect(try #require(Int(try await client.information("total_commands_processed"))) >= 30_000)
    }
  }
}
