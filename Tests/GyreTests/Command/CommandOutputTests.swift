import Glibc
import Testing

@testable import Gyre

@Suite struct CommandOutputTests {
  /// A device that is always full: full(4). Whoever keeps the output in a file has to learn that it is not there.
  @Test(arguments: [
    ["doctor"], ["doctor", "--json"], ["watch"], ["watch", "--json"], ["tour", "1"], ["tour", "1", "--json"], ["echo"],
  ])
  func outputThatCannotBeWrittenIsAFailure(arguments: [String]) async throws {
    try await CommandProgram.with(arguments, outputFile: "/dev/full") { program in
      try await CommandOutputTests.expectFailure(program)
    }
  }

  @Test(arguments: [[], ["--json"]])
  func soIsALoadsReport(options: [String]) async throws {
    try await CommandProgram.with(["echo"]) { echo in
      let arguments = ["load", "--port", try await echo.port(), "--seconds", "0.1", "--warmup", "0"] + options
      try await CommandProgram.with(arguments, outputFile: "/dev/full") { load in
        try await CommandOutputTests.expectFailure(load)
      }
      echo.signal(SIGTERM)
      #expect(try await echo.ending().status == 0)
    }
  }

  private static func expectFailure(_ program: CommandProgram) async throws {
    let ending = try await program.ending()
    #expect(ending.status == 1)
    #expect(ending.errors.contains("the output cannot be written: ENOSPC"), "\(ending.errors)")
  }
}
