import Foundation
import Testing

@testable import Gyre

/// The page and the picture of the queues name every number that there is.
struct InspectDocumentationTests {
  @Test(arguments: ["queues.md", "queues.svg"])
  func everyNumberIsNamed(file: String) throws {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let root = tests.deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("docs/\(file)"), encoding: .utf8)
    let words = Set(text.split { !$0.isLetter }.map(String.init))
    let names = [
      InspectDocumentationTests.names(ListenerQueues(acceptQueue: 0, acceptQueueLimit: 0, accepted: 0)),
      InspectDocumentationTests.names(HostDrops(netstat: [])),
      try InspectDocumentationTests.connectionNames(),
      InspectDocumentationTests.loopNames,
    ]
    for name in names.joined() { #expect(words.contains(name), "\(name) is missing in docs/\(file)") }
  }

  private static func names(_ value: Any) -> [String] { Mirror(reflecting: value).children.compactMap(\.label) }

  private static func connectionNames() throws -> [String] {
    let pair = try TCPPair(sending: 1)
    defer { pair.close() }
    return names(try ConnectionBuffers(of: pair.client, received: 0))
  }

  private static var loopNames: [String] {
    names(
      LoopQueues(
        prepared: 0,
        delayed: 0,
        inKernel: 0,
        multishots: 0,
        completed: 0,
        overflows: 0,
        buffersFree: 0,
        buffersHeld: 0,
        bufferExhaustions: 0,
        jobsReady: 0,
        inbox: 0,
        timers: 0
      )
    )
  }
}
