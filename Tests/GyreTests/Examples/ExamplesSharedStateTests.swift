import Foundation
import Testing

@Suite struct ExamplesSharedStateTests {
  /// Whatever the way, no addition is lost.
  @Test(arguments: [1, 2, 5]) func everyWayCountsRight(threads: Int) throws {
    let process = try ExampleProcess("SharedState", ["\(threads)", "3000"], .epoll, reading: STDOUT_FILENO)
    let lines = try process.text(untilLineEnd: false).split(separator: "\n").map { $0.split(separator: " ") }
    #expect(process.wait() == 0)
    #expect(
      lines.dropFirst().map { $0.prefix { $0 != "total" }.joined(separator: " ") } == [
        "Mutex", "Atomic", "actor", "per loop",
      ]
    )
    for line in lines.dropFirst() {
      #expect(line.contains("\(threads * 3000)"), "\(line)")
      #expect(line.last == "ns")
    }
  }
}
