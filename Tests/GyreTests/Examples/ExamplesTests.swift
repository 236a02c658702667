import Foundation
import Testing

/// What all examples have in common.
@Suite struct ExamplesTests {
  @Test(arguments: [
    ("Echo", ["notaport"], "has no port from 0 to 65535"),
    ("Chat", ["65536"], "has no port from 0 to 65535"),
    ("Chat", ["7001", "7002"], "usage: Chat [PORT]"),
    ("KeyValue", ["1", "2", "3"], "usage: KeyValue [PORT [IMAGE]]"),
    ("HTTP", ["0", "never"], "is no number of seconds"),
    ("Proxy", [], "usage: Proxy PORT TARGET"),
    ("Proxy", ["0", "example.org:80"], "is no numeric address"),
  ])
  func badArgumentsGetAClearError(name: String, arguments: [String], message: String) throws {
    let failure = try ExampleProgram.failure(name, arguments)
    #expect(failure.status == 1)
    #expect(failure.message.hasPrefix("\(name.lowercased()): "))
    #expect(failure.message.contains(message))
    #expect(failure.message.split(separator: "\n").count == 1)
  }

  @Test func theReadmeShowsTheEchoServerAsItIs() throws {
    let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let source = try String(contentsOf: root.appendingPathComponent("Examples/Echo/main.swift"), encoding: .utf8)
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let program = source.split(separator: "\n", omittingEmptySubsequences: false).drop { $0.hasPrefix("//") }
    #expect(readme.contains("```swift\n" + program.joined(separator: "\n") + "```"))
  }
}
