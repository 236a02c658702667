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
