import Gyre
import Testing

@Suite struct ExamplesEchoTests {
  @Test(arguments: ExampleProgram.backends)
  func everyByteComesBack(backend: Backend) async throws {
    try await ExampleProgram.run("Echo", backend: backend) { echo in
      let connection = try await echo.connect()
      for message in ["hello", "again", String(repeating: "long ", count: 2000)] {
        try await connection.send(message)
        let answer = try await connection.bytes(message.utf8.count)
        #expect(String(decoding: answer, as: UTF8.self) == message)
      }
      try await connection.shutdown(.send)
      #expect(try await connection.isAtEnd())
      await connection.close()
    }
  }

  @Test(arguments: ExampleProgram.backends)
  func manyClientsAreServedAtOnce(backend: Backend) async throws {
    try await ExampleProgram.run("Echo", backend: backend) { echo in
      try await withThrowingDiscardingTaskGroup { group in
        for client in 0..<50 {
          group.addTask {
            let connection = try await echo.connect()
            let message = Array("client \(client)".utf8)
            try await connection.send(message)
            #expect(try await connection.bytes(message.count) == message)
            await connection.close()
          }
        }
      }
    }
  }
}
