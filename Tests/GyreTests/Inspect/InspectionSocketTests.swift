import Foundation
import Glibc
import Testing

@testable import Gyre

@Suite(.serialized) struct InspectionSocketTests {
  private static let path = "/tmp/gyre-inspection-\(getpid()).sock"

  @Test(arguments: Backends.available)
  func itTellsOfEachLoop(backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let inspection = try InspectionSocket(path: InspectionSocketTests.path, loops: [loop])
      let bytes = try await InspectionSocketTests.answer()
      let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      #expect(object["pid"] as? Int32 == getpid())
      let loops = try #require(object["loops"] as? [[String: Any]])
      #expect(loops.map { $0["backend"] as? String } == [backend.rawValue])
      let queues = try #require(loops[0]["queues"] as? [String: Any])
      #expect(Set(queues.keys) == Set(Mirror(reflecting: try await loop.queues).children.compactMap(\.label)))
      #expect(queues["buffersHeld"] as? Int == 0)
      InspectionSocketTests.close(inspection)
    }
  }

  @Test func onlyItsUserMayConnect() throws {
    let inspection = try InspectionSocket(path: InspectionSocketTests.path, loops: [])
    var status = stat()
    #expect(stat(InspectionSocketTests.path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    InspectionSocketTests.close(inspection)
  }

  @Test func aPathInUseIsAnErrorAndAnAbandonedOneIsNot() throws {
    let path = InspectionSocketTests.path
    let inspection = try InspectionSocket(path: path, loops: [])
    #expect(throws: Errno.addressInUse) { _ = try InspectionSocket(path: path, loops: []) }
    InspectionSocketTests.close(inspection)
    let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    #expect(try UnixPath(path).with { bind(left, $0, $1) } == 0)
    Glibc.close(left)
    InspectionSocketTests.close(try InspectionSocket(path: path, loops: []))
  }

  @Test func whatIsNoSocketIsLeftAlone() throws {
    let path = InspectionSocketTests.path + ".txt"
    try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    #expect(throws: Errno.addressInUse) { _ = try InspectionSocket(path: path, loops: []) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
  }

  @Test func badPathsAreErrors() {
    #expect(throws: Errno.invalidArgument) { _ = try InspectionSocket(path: "", loops: []) }
    let long = "/tmp/" + String(repeating: "x", count: 103)
    #expect(throws: Errno(rawValue: ENAMETOOLONG)) { _ = try InspectionSocket(path: long, loops: []) }
  }

  /// Whatever listens there, what is read of it has a limit, in bytes and in time.
  @Test(arguments: [("flood", 65536, UInt32(0), EMSGSIZE), ("drip", 1, 100_000, ETIMEDOUT)])
  func anAnswerWithoutAnEndIsAnError(_ name: String, bytes: Int, pause: UInt32, error: Int32) async throws {
    let path = InspectionSocketTests.path
    unlink(path)
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    #expect(try UnixPath(path).with { bind(listener, $0, $1) } == 0)
    #expect(listen(listener, 1) == 0)
    let sent = Shared(0)
    let sender = Task.detached {
      await withCheckedContinuation { continuation in
        Foundation.Thread.detachNewThread {
          let client = accept(listener, nil, nil)
          let part = [UInt8](repeating: UInt8(ascii: " "), count: bytes)
          // Until the reader has gone away.
          while case let count = send(client, part, part.count, Int32(MSG_NOSIGNAL)), count > 0 {
            sent.update { $0 += count }
            usleep(pause)
          }
          Glibc.close(client)
          continuation.resume()
        }
      }
    }
    await #expect(throws: Errno(rawValue: error)) { _ = try await InspectionSocketTests.answer() }
    await sender.value
    // The limit, and what the kernel's buffers hold.
    #expect(sent.value < 8 << 20, "\(name)")
    Glibc.close(listener)
    unlink(path)
  }

  /// The answer, waited for on a thread that may be blocked.
  private static func answer() async throws -> [UInt8] {
    try await withCheckedThrowingContinuation { continuation in
      Foundation.Thread.detachNewThread {
        continuation.resume(with: Result { try InspectionSocket.read(from: path) })
      }
    }
  }

  /// Closes it twice.
  private static func close(_ inspection: InspectionSocket) {
    inspection.close()
    inspection.close()
    #expect(access(inspection.path, F_OK) != 0)
  }
}
