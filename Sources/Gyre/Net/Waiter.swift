import Glibc

/// A suspended task, to be resumed with a result: 0 or more, or -errno.
struct Waiter {
  let continuation: UnsafeContinuation<Int32, Never>
  let call: Call?

  init(_ continuation: UnsafeContinuation<Int32, Never>, _ call: Call? = nil) {
    self.continuation = continuation
    self.call = call
  }

  @inline(__always)
  func resume(_ result: Int32) {
    call?.handOver()
    continuation.resume(returning: result)
  }

  var isCancelled: Bool { call?.isCancelled.load(ordering: .relaxed) ?? false }
}
