import Glibc
import Testing

/// Whether a silent sanitizer means anything: suppressions that are too wide hide all that tasks do.
struct SanitizerTests {
  static let isThreadSanitizer = getenv("GYRE_SANITIZER").map { String(cString: $0) } == "thread"

  @Test(.enabled(if: isThreadSanitizer, "`scripts/test --sanitize thread` runs it"))
  func aRaceBetweenTasksIsReported() throws {
    let process = try ExampleProcess("known-race", [], .epoll, reading: STDERR_FILENO)
    let report = try process.text(untilLineEnd: false)
    #expect(process.wait() == 66, "ThreadSanitizer's exit status")
    #expect(report.contains("WARNING: ThreadSanitizer") && report.contains("KnownRace"))
  }
}
