import Dispatch
import Synchronization

/// Runs a task on the stock executor to its end, on a thread that waits.
enum Stock {
  static func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) rethrows -> Value {
    let result = Mutex<Result<Value, any Error>?>(nil)
    let hasEnded = DispatchSemaphore(value: 0)
    Task {
      let outcome: Result<Value, any Error>
      do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
      result.withLock { $0 = outcome }
      hasEnded.signal()
    }
    hasEnded.wait()
    return try! result.withLock { $0 }!.get()
  }
}
