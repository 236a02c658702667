/// Runs a call that blocks its thread on a thread kept for such calls, and returns to the caller's loop with its result.
///
/// For what the kernel or a library offers only as a blocking call: resolving a name, compressing, an embedded database.
/// On a loop such a call would stop every connection of the loop. Uses `BlockingPool.shared`; as `BlockingPool.run(_:)`.
///
/// ```swift
/// let entries = try await blocking { try FileManager.default.contentsOfDirectory(atPath: path) }
/// ```
public func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await BlockingPool.shared.run(body)
}
