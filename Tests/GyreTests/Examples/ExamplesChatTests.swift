import Gyre
import Testing

@Suite struct ExamplesChatTests {
  @Test(arguments: ExampleProgram.backends)
  func whatOneSaysAllOthersRead(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      let ada = try await ChatClient.join(chat, as: "Ada")
      let bo = try await ChatClient.join(chat, as: "Bo")
      #expect(try await ada.line() == "* Bo has come in")
      let cy = try await ChatClient.join(chat, as: "Cy")
      #expect(try await ada.line() == "* Cy has come in")
      #expect(try await bo.line() == "* Cy has come in")
      try await ada.say("hello")
      #expect(try await bo.line() == "Ada: hello")
      #expect(try await cy.line() == "Ada: hello")
      await cy.leave()
      #expect(try await ada.line() == "* Cy has left")
      #expect(try await bo.line() == "* Cy has left")
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func aNameMustBeOneAndFree(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      let ada = try await ChatClient.join(chat, as: "Ada")
      let other = try await ChatClient.connect(to: chat)
      for bad in ["", "* Ada", String(repeating: "a", count: 17), String(repeating: "a", count: 5000)] {
        try await other.say(bad)
        #expect(try await other.line() == "* a name has 1 to 16 letters or digits; try another")
      }
      try await other.say("Ada")
      #expect(try await other.line() == "* Ada is here already; try another name")
      try await other.say("Bo\r")
      #expect(try await other.line() == "* hello, Bo; here are: Ada")
      #expect(try await ada.line() == "* Bo has come in")
    }
  }

  /// Others see the same name, or cannot tell it from another.
  @Test(arguments: ExampleProgram.backends)
  func aNameIsWhatOthersSee(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      let zoe = try await ChatClient.join(chat, as: "Zoë")
      for same in ["ZOË", "Zoe\u{308}", "Zo\u{200b}ë", "\u{2066}Zoë", "Zo\u{3164}ë", "\u{2028}Zoë"] {
        let other = try await ChatClient.connect(to: chat)
        try await other.say(same)
        #expect(try await other.line()?.hasSuffix(" is here already; try another name") == true, "\(same)")
      }
      for bad in ["a" + String(repeating: "\u{301}", count: 200), "\u{3164}", "\u{301}", "a\u{20dd}b c", "\u{e000}"] {
        let other = try await ChatClient.connect(to: chat)
        try await other.say(bad)
        #expect(try await other.line() == "* a name has 1 to 16 letters or digits; try another", "\(bad)")
      }
      for good in ["李", "Nguye\u{302}\u{303}n", "कि", "Zoe"] {
        let member = try await ChatClient.connect(to: chat)
        try await member.say(good)
        #expect(try await member.line()?.hasPrefix("* hello, \(good); ") == true, "\(good)")
      }
      await zoe.leave()
    }
  }

  /// What a browser sends for a page that names this port: nobody hears of it.
  @Test(arguments: ExampleProgram.backends)
  func aRequestOfHTTPSaysNothing(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      let ada = try await ChatClient.join(chat, as: "Ada")
      let browser = try await ChatClient.connect(to: chat)
      let lines = ["POST / HTTP/1.1", "Host: a", "User-Agent: b", "Content-Type: text/plain", "Content-Length: 9", ""]
      try await browser.say((lines + ["eve", "hi"]).joined(separator: "\r\n"))
      for _ in lines { #expect(try await browser.line()?.hasPrefix("* a name has ") == true) }
      #expect(try await browser.line() == "* goodbye")
      let bo = try await ChatClient.join(chat, as: "Bo")
      #expect(try await ada.line() == "* Bo has come in")
      await bo.leave()
    }
  }

  /// One line for everybody, whatever their terminal takes for a line's end; only LF is one.
  @Test(arguments: ExampleProgram.backends)
  func whatIsSaidStaysInItsLine(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      let ada = try await ChatClient.join(chat, as: "Ada")
      let bo = try await ChatClient.join(chat, as: "Bo")
      #expect(try await ada.line() == "* Bo has come in")
      for end in [
        "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{c}", "\r", "\u{8}", "\u{1c}", "\u{1d}", "\u{1e}", "\0",
      ] {
        try await bo.say("hi\(end)* Cy has left")
        #expect(try await ada.line() == "Bo: hi* Cy has left", "\(end.unicodeScalars.first!.value)")
      }
      for hidden in ["\u{200b}", "\u{202e}", "\u{ad}", "\u{feff}", "\u{e0041}", "\u{fe0f}", "\u{f8ff}", "\u{ffff}"] {
        try await bo.say("a\(hidden)b")
        #expect(try await ada.line() == "Bo: ab", "\(hidden.unicodeScalars.first!.value)")
      }
      try await bo.say("a\(String(repeating: "\u{301}", count: 400))b\u{301}")
      #expect(try await ada.line() == "Bo: a\u{301}\u{301}\u{301}\u{301}b\u{301}")
      try await bo.say("e\u{302}\u{301} \u{1f600} 李 नमस्ते שָׁלוֹם")
      #expect(try await ada.line() == "Bo: e\u{302}\u{301} \u{1f600} 李 नमस्ते שָׁלוֹם")
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func aLineThatIsTooLongGetsAnErrorAndReachesNobody(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      let ada = try await ChatClient.join(chat, as: "Ada")
      let bo = try await ChatClient.join(chat, as: "Bo")
      try await bo.say(String(repeating: "x", count: 100_000))
      #expect(try await bo.line() == "* your line is longer than 1000 bytes; nobody got it")
      try await bo.say("short \u{1b}[2J")
      #expect(try await ada.line() == "* Bo has come in")
      #expect(try await ada.line() == "Bo: short [2J")
    }
  }

  /// More is said than the kernel and the outbox keep for somebody who does not read: everybody else goes on, and the
  /// slow one later gets what was kept and the count of what was not.
  @Test(arguments: ExampleProgram.backends)
  func aSlowReaderHoldsUpNobody(backend: Backend) async throws {
    try await ExampleProgram.run("Chat", backend: backend) { chat in
      var small = TCPOptions()
      small.receiveBufferSize = 4096
      let slow = try await ChatClient.join(chat, as: "Slow", small)
      let ada = try await ChatClient.join(chat, as: "Ada")
      let bo = try await ChatClient.join(chat, as: "Bo")
      #expect(try await ada.line() == "* Bo has come in")
      let text = String(repeating: "x", count: 990)
      let count = 1000
      for _ in 0..<count {
        try await ada.say(text)
        #expect(try await bo.line() == "Ada: \(text)")
      }
      try await ada.say("the end")
      #expect(try await bo.line() == "Ada: the end")

      #expect(try await slow.line() == "* Ada has come in")
      #expect(try await slow.line() == "* Bo has come in")
      var read = 0
      var line = try await slow.line()
      while line == "Ada: \(text)" {
        read += 1
        line = try await slow.line()
      }
      #expect(read > 0 && read < count)
      // The last line was left out with the others: it came before the writer.
      #expect(line == "* you read too slowly: \(count + 1 - read) lines were left out")
      try await ada.say("and on")
      #expect(try await slow.line() == "Ada: and on")
    }
  }
}
