import Glibc

/// Who waits for an operation, to be resumed with a result: 0 or more, or -errno.
enum Waiter {
  /// The task that owns the scope of what it waits for, on its loop.
  case owner(SuspendedTask)
  /// Any other task, anywhere.
  case call(UnsafeContinuation<Int32, Never>, Call)

  /// What a task that is not the owner waits with.
  var call: Call? {
    switch self {
    case .owner: nil
    case .call(_, let call): call
    }
  }

  @inline(__always)
  func resume(_ result: Int32) {
    switch self {
    case .owner(let task): task.resume(result)
    case .call(let continuation, let call):
      call.handOver()
      continuation.resume(returning: result)
    }
  }

  @inline(__always)
  var isCancelled: Bool {
    switch self {
    case .owner: false
    case .call(_, let call): call.isCancelled.load(ordering: .relaxed)
    }
  }
}
