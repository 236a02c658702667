import Foundation
import Testing

/// A directory for one test.
enum TemporaryDirectory {
  static func with<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = try make()
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }

  static func with<Value>(_ body: (String) throws -> Value) throws -> Value {
    let path = try make()
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  private static func make() throws -> String {
    var name = Array("\(NSTemporaryDirectory())/gyre-test-XXXXXX".utf8CString)
    return try String(cString: #require(mkdtemp(&name)))
  }
}
