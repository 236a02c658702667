/// How full a driver's queues are at one moment.
struct DriverQueues: Sendable {
  /// Entries written into the submission queue and not handed to the kernel yet; 0 under epoll.
  var prepared = 0
  /// Operations that wait for room in the submission queue.
  var delayed = 0
  /// Operations that the kernel works on; under epoll, those that wait for readiness.
  var inKernel = 0
  /// Completions that nobody has reaped.
  var completed = 0
  /// The most entries of each queue; `nil` under epoll, which has none in the kernel.
  var sizes: Ring.Size?
}
