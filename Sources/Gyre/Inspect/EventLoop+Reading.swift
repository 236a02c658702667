extension EventLoop {
  /// What `value` says on the loop's thread: at once if this is it, by a hop otherwise.
  ///
  /// - Throws: `CancellationError` if the loop has ended.
  func read<Value: Sendable>(_ value: @escaping @Sendable (EventLoop) -> Value) async throws -> Value {
    if isCurrent { return value(self) }
    let outcome = Outcome<Value>()
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let isAccepted = perform {
        outcome.set(.success(value(self)))
        continuation.resume()
      }
      if !isAccepted { continuation.resume() }
    }
    noteResumed()
    return try outcome.get()
  }
}
