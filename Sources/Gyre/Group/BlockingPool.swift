/// A bounded number of threads for calls that block.
///
/// Threads start as calls come, and end when they have had nothing to do for a while or when the pool is let go of. When
/// all are busy, calls wait in the order in which they came, each as a suspended task: whoever calls is slowed down, and
/// what waits is bounded by the tasks that wait.
public final class BlockingPool: Sendable {
  /// The pool for callers that name none: at most 64 threads, kept idle for ten seconds. Never ended.
  public static let shared = BlockingPool()

  /// The most threads at a time.
  public let maxThreads: Int

  private let queue: BlockingQueue

  /// Makes a pool; it has no thread yet.
  ///
  /// - Parameters:
  ///   - maxThreads: the most threads at a time: 1 or more.
  ///   - idleTime: how long a thread waits for a call before it ends.
  ///   - name: the threads' name, as `top -H` shows it; the kernel keeps 15 bytes.
  public init(maxThreads: Int = 64, idleTime: Duration = .seconds(10), name: String = "gyre-blocking") {
    if maxThreads < 1 { fatalError("a blocking pool of \(maxThreads) threads: use 1 or more") }
    self.maxThreads = maxThreads
    queue = BlockingQueue(mostThreads: maxThreads, idleNanoseconds: idleTime.nanosecondsClamped, name: name)
  }

  /// Nobody waits in the queue: whoever waits holds the pool.
  deinit { queue.close() }

  /// The threads that there are now, busy or idle.
  public var threads: Int { queue.threads }

  /// The calls that wait for a thread now.
  public var waiting: Int { queue.waiting }

  /// Runs `body` on one of the pool's threads and returns its result where the caller runs.
  ///
  /// Cancelling the task while the call waits for a thread takes it out of the queue, and it never runs. A call that runs
  /// cannot be interrupted: the task stays suspended until it ends, and gets its result. Costs two switches of
  /// threads, some microseconds.
  ///
  /// - Throws: `CancellationError` if the task was cancelled before `body` began; what `body` throws; `Errno` (`EAGAIN`)
  ///   if the pool has no thread and the kernel gives none. `pthread_create(3)`
  public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let outcome = Outcome<Value>()
    let job = BlockingJob { outcome.set(Result { try body() }) }
    let ending = await withTaskCancellationHandler {
      await withUnsafeContinuation { queue.submit(job, $0) }
    } onCancel: {
      queue.cancel(job)
    }
    noteResumed()
    switch ending {
    case .ran: return try outcome.get()
    case .cancelled: throw CancellationError()
    case .refused(let errno): throw errno
    }
  }
}
