/// What a driver has done since its loop began.
struct DriverCounters: Sendable {
  /// Completions delivered.
  var completions: UInt64 = 0
  /// Calls of `io_uring_enter(2)`, or of `epoll_pwait2(2)`.
  var waits: UInt64 = 0
  /// Those that failed: neither interrupted nor at the end of their time.
  var failedWaits: UInt64 = 0
  /// Time in those calls, if the loop measures time.
  var nanosecondsInKernel: UInt64 = 0
  /// Calls of `recv(2)`, `send(2)`, `accept4(2)` that the driver made itself: under io_uring those sends for which the
  /// loop would have had to enter the kernel anyway.
  var calls: UInt64 = 0
  /// Turns in which the completion queue had overflowed. Nothing is lost by it; it costs the kernel time.
  var overflows: UInt64 = 0
  /// Operations that had to wait for room in the submission queue.
  var delayedStarts: UInt64 = 0
  /// Messages to other rings, which wake their loops.
  var messages: UInt64 = 0
  /// Direct descriptors in use.
  var directDescriptors = 0
}
