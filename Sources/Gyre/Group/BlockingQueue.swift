import DequeModule

/// The calls that wait for a thread, and the threads of a blocking pool. The threads hold it, not the pool.
final class BlockingQueue: Sendable {
  private struct State: Sendable {
    var jobs: Deque<BlockingJob> = []
    /// Jobs in the queue whose task was cancelled.
    var cancelled = 0
    /// The last one to become idle is the first to get work: the others can end.
    var idle: [Worker] = []
    var threads = 0
    var isClosed = false
  }

  /// A thread that waits for work.
  private final class Worker: Sendable {
    let hasWork = Semaphore()
  }

  private typealias Continuation = UnsafeContinuation<BlockingJob.Ending, Never>

  private let state = Locked(State())
  private let mostThreads: Int
  private let idleNanoseconds: UInt64
  private let name: String

  init(mostThreads: Int, idleNanoseconds: UInt64, name: String) {
    self.mostThreads = mostThreads
    self.idleNanoseconds = idleNanoseconds
    self.name = name
  }

  var threads: Int { state.withLock { $0.threads } }
  var waiting: Int { state.withLock { $0.jobs.count - $0.cancelled } }

  // MARK: Jobs

  /// Queues a job and sees to it that a thread takes it; `continuation` gets how that ended.
  func submit(_ job: BlockingJob, _ continuation: UnsafeContinuation<BlockingJob.Ending, Never>) {
    let isQueued = state.withLock { state in
      guard job.enqueue(continuation) else { return false }
      state.jobs.append(job)
      return true
    }
    if isQueued { findThread() } else { continuation.resume(returning: .cancelled) }
  }

  /// Takes a job that waits out of the queue. One that has begun goes on.
  func cancel(_ job: BlockingJob) {
    let waiter: Continuation? = state.withLock { state in
      guard let continuation = job.cancel() else { return nil }
      state.cancelled += 1
      // Taking each one out where it stands would cost a look at all of them.
      if state.cancelled * 2 > state.jobs.count {
        state.jobs.removeAll { !$0.isQueued }
        state.cancelled = 0
      }
      return continuation
    }
    waiter?.resume(returning: .cancelled)
  }

  /// Ends the threads, each after what it is doing.
  func close() {
    let idle = state.withLock { state in
      state.isClosed = true
      defer { state.idle = [] }
      return state.idle
    }
    for worker in idle { worker.hasWork.signal() }
  }

  // MARK: Threads

  private func findThread() {
    let (worker, isThreadNeeded) = state.withLock { state -> (Worker?, Bool) in
      if let worker = state.idle.popLast() { return (worker, false) }
      guard state.threads < mostThreads else { return (nil, false) }
      state.threads += 1
      return (nil, true)
    }
    worker?.hasWork.signal()
    if isThreadNeeded, let errno = Thread.start(name: name, { self.work() }) { threadFailed(errno) }
  }

  /// Other threads will take the job, unless there are none.
  private func threadFailed(_ errno: Errno) {
    let refused = state.withLock { state -> [Continuation] in
      state.threads -= 1
      guard state.threads == 0 else { return [] }
      defer { (state.jobs, state.cancelled) = ([], 0) }
      return state.jobs.compactMap { $0.begin() }
    }
    for continuation in refused { continuation.resume(returning: .refused(errno)) }
  }

  /// A thread's life.
  private func work() {
    let worker = Worker()
    repeat {
      while let (job, continuation) = nextJob() {
        job.body()
        continuation.resume(returning: .ran)
      }
    } while awaitWork(worker)
  }

  private func nextJob() -> (BlockingJob, Continuation)? {
    state.withLock { state in
      while let job = state.jobs.popFirst() {
        if let continuation = job.begin() { return (job, continuation) }
        state.cancelled -= 1
      }
      return nil
    }
  }

  /// Waits until there may be a job. False if the thread is to end, which it then no longer counts as.
  private func awaitWork(_ worker: Worker) -> Bool {
    let waits = state.withLock { state -> Bool? in
      if !state.jobs.isEmpty { return false }
      if state.isClosed {
        state.threads -= 1
        return nil
      }
      state.idle.append(worker)
      return true
    }
    guard let waits else { return false }
    if !waits || worker.hasWork.wait(nanoseconds: idleNanoseconds) { return true }
    return !retire(worker)
  }

  /// Takes a thread that has had nothing to do off the list. False if it was given work at that moment.
  private func retire(_ worker: Worker) -> Bool {
    let isRetired = state.withLock { state in
      guard let index = state.idle.firstIndex(where: { $0 === worker }) else { return false }
      state.idle.remove(at: index)
      state.threads -= 1
      return true
    }
    if !isRetired { worker.hasWork.wait() }
    return isRetired
  }
}
