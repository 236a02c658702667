import Glibc
import Gyre
import Testing

@testable import HTTP

@Suite struct ExamplesHTTPTests {
  private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let hello = "Hello from Gyre.\n"

  @Test(arguments: ExampleProgram.backends)
  func aConnectionServesManyRequests(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", backend: backend) { (program) async throws in
      let client = try await HTTPClient(program)
      for _ in 0..<3 {
        let answer = try await client.ask(Self.get)
        #expect(answer.status == 200)
        #expect(answer.text == Self.hello)
        #expect(answer.field("Connection") == nil)
        #expect(answer.field("Date")?.hasSuffix(" GMT") == true)
      }
      let head = try await client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", isHead: true)
      #expect(head.field("Content-Length") == "\(Self.hello.utf8.count)")
      #expect(try await client.ask("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").status == 404)
      let wrong = try await client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
      #expect(wrong.status == 405)
      #expect(wrong.field("Allow") == "GET, HEAD")
      #expect(try await client.ask("GET /fields HTTP/1.1\r\nHost: a\r\nA:  b \r\n\r\n").text == "host: a\na: b\n")
      let last = try await client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(last.field("Connection") == "close")
      #expect(try await client.isAtEnd())
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func anOldClientHasToAskForMore(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", backend: backend) { (program) async throws in
      let client = try await HTTPClient(program)
      let first = try await client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(first.field("Connection") == "keep-alive")
      let last = try await client.ask("GET / HTTP/1.0\r\n\r\n")
      #expect(last.field("Connection") == "close")
      #expect(try await client.isAtEnd())
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func bodiesComeBack(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", backend: backend) { (program) async throws in
      let client = try await HTTPClient(program)
      let body = String(repeating: "body ", count: 200_000)
      let head = "POST /echo HTTP/1.1\r\nHost: a\r\n"
      #expect(try await client.ask(head + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)").text == body)
      let chunks = String(repeating: "5\r\nbody \r\n", count: 1000)
      let answer = try await client.ask(head + "Transfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n")
      #expect(answer.text == String(repeating: "body ", count: 1000))
      #expect(try await client.ask(head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n").status == 100)
      #expect(try await client.ask("hi").text == "hi")
    }
  }

  /// Requests sent together, cut anywhere, are answered in order; more is asked for than is kept before sending.
  @Test(arguments: ExampleProgram.backends)
  func pipelinedRequestsAreAnsweredInOrder(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", backend: backend) { (program) async throws in
      let client = try await HTTPClient(program)
      let connection = client.connection
      async let sending: Void = {
        let requests = (0..<500).map { number in
          "GET /bytes/\(number * 7) HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\(100 + number)"
        }
        var rest = Array(requests.joined().utf8)[...]
        var size = 1
        while !rest.isEmpty {
          try await connection.send(Array(rest.prefix(size)))
          rest = rest.dropFirst(size)
          size = size * 7 % 4999 + 1
        }
      }()
      for number in 0..<500 {
        #expect(try await client.answer().body.count == number * 7)
        #expect(try await client.answer().text == "\(100 + number)")
      }
      try await sending
    }
  }

  /// The client is told what is wrong, though it is still sending, and then the connection ends.
  @Test(arguments: ExampleProgram.backends)
  func whatIsTooMuchOrWrongGetsItsStatusAndAnEnd(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", backend: backend) { (program) async throws in
      let long = String(repeating: "a", count: 100_000)
      let cases: [(text: String, status: Int)] = [
        ("nonsense\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400), ("GET /\(long)", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: \(long)", 431), ("BREW / HTTP/1.1\r\n", 501), ("GET / HTTP/3.0\r\n", 505),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n\(long)", 413),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
      ]
      for (text, status) in cases {
        let client = try await HTTPClient(program)
        // A request that was answered before has no part in it.
        let answer = try await client.ask(Self.get + text)
        #expect(answer.status == 200)
        let failure = try await client.answer()
        #expect(failure.status == status, "\(failure.text)")
        #expect(failure.field("Connection") == "close")
        let isAtEnd = try await client.isAtEnd()
        #expect(isAtEnd)
      }
    }
  }

  // MARK: Slow clients

  /// Byte after byte does not help: a head has its time as a whole, and so has a body.
  @Test(arguments: ExampleProgram.backends)
  func slowRequestsAreEnded(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", "0.2", backend: backend) { (program) async throws in
      for start in ["GET / HTTP/1.1\r\nX: ", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"] {
        let client = try await HTTPClient(program)
        try await client.connection.send(start)
        let connection = client.connection
        let sender = Task(executorPreference: connection.loop.taskExecutor) {
          while true {
            try await connection.send("a")
            try await connection.loop.sleep(for: .milliseconds(20))
          }
        }
        let answer = try await client.answer()
        #expect(answer.status == 408)
        sender.cancel()
        _ = await sender.result
      }
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func silentClientsAreClosedWithoutAWord(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", "0.1", backend: backend) { (program) async throws in
      let silent = try await HTTPClient(program)
      let once = try await HTTPClient(program)
      #expect(try await once.ask(Self.get).status == 200)
      #expect(try await silent.isAtEnd())
      #expect(try await once.isAtEnd())
    }
  }

  /// Old clients send an empty line behind a body, which asks for nothing.
  @Test(arguments: ExampleProgram.backends)
  func anEmptyLineGetsNoAnswer(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", "0.1", backend: backend) { (program) async throws in
      let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
      for end in ["\r\n", "\r", "\r\n\r\n"] {
        let client = try await HTTPClient(program)
        #expect(try await client.ask(head + end).text == "hi")
        #expect(try await client.isAtEnd())
      }
    }
  }

  /// A client that reads slowly, and yet all the time, gets everything: it is the pieces of an answer that have a time.
  @Test(arguments: ExampleProgram.backends)
  func aSlowReaderGetsItsAnswer(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", "0.2", backend: backend) { (program) async throws in
      var small = TCPOptions()
      small.receiveBufferSize = 65536
      let client = try await HTTPClient(program, small)
      let count = 16 << 20
      try await client.connection.send("GET /bytes/\(count) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      // Four times as long as one piece may take.
      let (begin, pace) = (ContinuousClock.now, Duration.seconds(4.8) / count)
      var read = 0
      while let chunk = try await client.connection.receive() {
        read += chunk.count
        try await client.connection.loop.sleep(until: begin.advanced(by: pace * read))
      }
      #expect(read > count)
    }
  }

  /// The same for a body.
  @Test(arguments: ExampleProgram.backends)
  func aSlowBodyIsWaitedFor(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", "0.2", backend: backend) { (program) async throws in
      let client = try await HTTPClient(program)
      let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
      try await client.connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(8 * piece.count)\r\n\r\n")
      for _ in 0..<8 {
        try await client.connection.loop.sleep(for: .milliseconds(300))
        try await client.connection.send(piece)
      }
      let answer = try await client.answer()
      #expect(answer.status == 200)
      #expect(answer.body.count == 8 * piece.count)
    }
  }

  /// Somebody who asks for much and reads nothing.
  @Test(arguments: ExampleProgram.backends)
  func clientsThatDoNotReadAreClosed(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", "0.1", backend: backend) { (program) async throws in
      var small = TCPOptions()
      small.receiveBufferSize = 4096
      let client = try await HTTPClient(program, small)
      try await client.connection.send("GET /bytes/16777216 HTTP/1.1\r\nHost: a\r\n\r\n")
      // The answer to a second request never comes, whatever is read now.
      try await client.connection.loop.sleep(for: .seconds(1.5))
      var count = 0
      do {
        while let chunk = try await client.connection.receive() { count += chunk.count }
      } catch let error as SocketError {
        #expect(error.errno == .connectionReset)
      }
      #expect(count < 16_777_216)
    }
  }

  // MARK: Known clients

  private static let hasCurl = access("/usr/bin/curl", X_OK) == 0

  @Test(.enabled(if: hasCurl, "curl is not installed"), arguments: ExampleProgram.backends)
  func curlCanTalkToIt(backend: Backend) async throws {
    try await ExampleProgram.run("HTTP", backend: backend) { (program) async throws in
      let site = "http://\(program.address)"
      func curl(_ arguments: String...) throws -> String {
        let process = try ExampleProcess("/usr/bin/curl", ["-sS"] + arguments, .epoll, reading: STDOUT_FILENO)
        let output = try process.text(untilLineEnd: false)
        #expect(process.wait() == 0)
        return output
      }
      #expect(try curl(site + "/", site + "/") == Self.hello + Self.hello)
      #expect(try curl("--data-binary", "some body", site + "/echo") == "some body")
      #expect(try curl("-H", "Transfer-Encoding: chunked", "-d", "some body", site + "/echo") == "some body")
      #expect(try curl("-H", "Expect: 100-continue", "-d", "some body", site + "/echo") == "some body")
      #expect(try curl("-I", site + "/").contains("Content-Length: \(Self.hello.utf8.count)\r\n"))
      #expect(
        try curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", site + "/bytes/1000000") == "200 1000000"
      )
    }
  }

  @Test func theDateIsThatOfTheStandard() {
    #expect(String(decoding: DateText.text(of: 784_111_777), as: UTF8.self) == "Sun, 06 Nov 1994 08:49:37 GMT")
  }
}
