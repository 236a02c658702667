import Glibc
import Testing

/// Whether a silent sanitizer means anything: suppressions that are too wide hide all that tasks do.
struct SanitizerTests {
  @Test(.enabled(if: Sanitizer.isThreadSanitizer, "`scripts/test --sanitize thread` runs it"))
  func aRaceBetweenTasksIsReported() throws {
    let process = try ExampleProcess("known-race", [], .epoll, reading: STDERR_FILENO)
    let report = try process.text(untilLineEnd: false)
    #expect(process.wait() == 66, "ThreadSanitizer's exit status")
    #expect(report.contains("WARNING: ThreadSanitizer") && report.contains("KnownRace"))
  }
}
