import Gyre

// @unchecked: used on one loop's thread, by a chapter and its child tasks there.
/// Connections that a chapter has open.
final class Connections: @unchecked Sendable {
  private(set) var all: [TCPConnection] = []

  var count: Int { all.count }

  func add(_ connection: TCPConnection) { all.append(connection) }

  /// Closes them all.
  func close() async {
    for connection in all { await connection.close() }
    all = []
  }
}

extension Result where Failure == any Error {
  /// What `body` returns or throws, so that something can be done in between.
  nonisolated(nonsending) init(_ body: () async throws -> Success) async {
    do {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
