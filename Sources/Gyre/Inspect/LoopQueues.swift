/// What waits in a loop and its kernel queues at one moment. `io_uring(7)`
///
/// Work goes around: a task asks, the operation is prepared, the kernel works on it, completes it, the loop reaps the
/// completion and makes the task's job ready.
public struct LoopQueues: Sendable, Equatable {
  // MARK: The kernel's side

  /// Entries in the submission queue that the kernel has not been handed yet: at most those of one turn. 0 under epoll.
  public var prepared: Int
  /// Operations that wait for room in the submission queue.
  public var delayed: Int
  /// Operations that the kernel has and that have not ended; under epoll, those that wait for readiness. A completed one
  /// counts until its last completion is reaped.
  public var inKernel: Int
  /// Those of all operations that complete again and again: accepting listeners and receiving connections.
  public var multishots: Int
  /// Completions that the loop has not reaped.
  public var completed: Int
  /// Turns since the loop began in which the completion queue had overflowed. Nothing is lost by it; it costs time.
  public var overflows: Int
  /// Entries of the submission queue; `nil` under epoll.
  public var submissionQueueSize: Int?
  /// Entries of the completion queue; `nil` under epoll.
  public var completionQueueSize: Int?

  // MARK: Buffers

  /// Buffers that received bytes can go into. `io_uring_register_buf_ring(3)`
  public var buffersFree: Int
  /// Buffers that hold received bytes: in a chunk of the program, or not asked for yet.
  public var buffersHeld: Int
  /// Receives since the loop began that found no free buffer.
  public var bufferExhaustions: Int

  // MARK: The loop's side

  /// Jobs of tasks that are ready to run.
  public var jobsReady: Int
  /// What other threads have handed over and the loop has not looked at.
  public var inbox: Int
  /// Timers that have not fired.
  public var timers: Int
}

extension EventLoop {
  /// What waits in the loop and its kernel queues now.
  ///
  /// On the loop's own thread it is read at once, in about 75 ns; from elsewhere it costs one hop to the loop and back, and
  /// shows the moment at which the loop gets to it. Needs no system call.
  /// - Throws: `CancellationError` if the loop has ended.
  public var queues: LoopQueues {
    get async throws { try await read { $0.currentQueues } }
  }

  /// What waits now. On the loop's thread only.
  package var currentQueues: LoopQueues {
    if !isCurrent { fatalError("a loop's queues are read on its own thread") }
    let (queues, pool) = (driver.queues, driver.buffers)
    return LoopQueues(
      prepared: queues.prepared,
      delayed: queues.delayed,
      inKernel: queues.inKernel,
      multishots: driver.operations.multishots,
      completed: queues.completed,
      overflows: Int(clamping: driver.counters.overflows),
      submissionQueueSize: queues.sizes.map { Int($0.submissions) },
      completionQueueSize: queues.sizes.map { Int($0.completions) },
      buffersFree: pool.count - pool.held,
      buffersHeld: pool.held,
      bufferExhaustions: Int(clamping: pool.exhaustions),
      jobsReady: runQueue.count,
      inbox: inbox.count,
      timers: timers.count
    )
  }
}
