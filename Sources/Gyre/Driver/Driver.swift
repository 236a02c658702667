/// Executes operations: the loop's side of the kernel.
///
/// The contract, the same for every driver, so that no caller can tell them apart except by asking:
///
/// * An operation is started once and ends once, with its own terminal completion (`Completion.hasMore` is false). Until
///   then the kernel owns the memory and the descriptor in it.
/// * `cancel` is a request. It makes the terminal completion come sooner: with `-ECANCELED`, or with whatever the
///   operation had reached when the cancel found it. Cancelling what has ended does nothing.
/// * Completions are delivered in `turn` and nowhere else, never from within `start` or `cancel`.
/// * A full queue delays an operation; it never fails one.
///
/// io_uring hands the operation to the kernel. epoll tries the call, waits for readiness if it must, and then posts the
/// same completion. All of it happens on the loop's thread, except `waker`.
protocol Driver: AnyObject {
  var backend: Backend { get }
  var operations: OperationTable { get }
  var buffers: BufferPool { get }
  /// Wakes `turn` from any thread.
  var waker: Waker { get }
  /// The flags beside `SOCK_STREAM | SOCK_CLOEXEC` for sockets that this driver is given.
  var socketFlags: Int32 { get }
  /// Whether an accept may take direct descriptors now: the kernel has them and the table has room to spare.
  var hasDirectRoom: Bool { get }
  var counters: DriverCounters { get }
  /// Whether a `turn` would find something to deliver now. For a loop that looks before it sleeps.
  var hasWork: Bool { get }
  var queues: DriverQueues { get }
  /// Whether completions carry the time at which they were posted.
  var stampsCompletions: Bool { get set }

  /// Whether nothing waits to be submitted or delivered.
  var isIdle: Bool { get }

  func start(_ operation: Operation, for target: OperationTarget) -> OperationID
  func cancel(_ id: OperationID)

  /// Sends what the kernel takes at once, without an operation. The memory is used during the call only. `send(2)`
  ///
  /// - Parameter number: an ordinary descriptor.
  /// - Returns: the number of bytes, or -errno.
  func sendNow(_ number: Int32, _ address: UnsafeRawPointer, _ count: Int) -> Int32

  /// Counts a direct descriptor that an accept has brought; its `close` takes it off again.
  func adopt(_ descriptor: Descriptor)

  /// Lets go of an ordinary descriptor that goes to another loop. Nothing may be in flight on it.
  func forget(_ descriptor: Descriptor)

  /// Wakes another driver's `turn` along with this one's next submissions. False if that cannot be done here; then nothing
  /// has been done.
  func wake(_ other: Waker) -> Bool

  /// Submits what was started, waits for completions, and delivers them: at most as many as the driver was made to, so
  /// that one turn is bounded.
  ///
  /// - Parameter nanoseconds: how long to wait when nothing has completed; 0 does not wait, `nil` has no limit.
  func turn(waiting nanoseconds: UInt64?)

  /// Gives the kernel its queues back. Nothing may be in flight, and nothing can be started after.
  func tearDown()
}
