import Glibc
import Gyre
import Testing

/// A short run of `scripts/soak`: nothing grows, and something happened.
@Suite(.serialized)
struct SoakTests {
  @Test(.disabled(if: Sanitizer.isOn, Sanitizer.keepsMemory), arguments: ExampleProgram.backends)
  func aShortSoakGrowsNothing(_ backend: Backend) throws {
    let choice = backend == .uring ? "uring" : "epoll"
    let process = try ExampleProcess(
      "gyre-soak",
      ["--backend", choice, "--seconds", "4"],
      backend,
      reading: STDOUT_FILENO
    )
    let text = try process.text(untilLineEnd: false)
    #expect(process.wait() == 0, "\(text)")
    #expect(text.contains("soak on \(choice): nothing grew"), "\(text)")
  }
}
