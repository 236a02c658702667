/// Runs jobs that become ready on a loop that has ended, so that no task stays suspended for ever.
///
/// They run one after the other on one thread, which is what an actor of an ended loop still needs. They need no I/O: all
/// that they can ask of their loop is refused.
enum Stragglers {
  private struct Queue: Sendable {
    var jobs: [@Sendable () -> Void] = []
    var isRunning = false
  }

  private static let queue = Locked(Queue())

  static func run(_ job: @escaping @Sendable () -> Void) {
    let needsThread = queue.withLock { queue in
      queue.jobs.append(job)
      defer { queue.isRunning = true }
      return !queue.isRunning
    }
    guard needsThread, Thread.start(name: "gyre-straggler", { drain() }) != nil else { return }
    // Where the kernel has no thread left, whoever made the job ready runs it.
    drain()
  }

  private static func drain() {
    while let job = next() { job() }
  }

  private static func next() -> (@Sendable () -> Void)? {
    queue.withLock { queue in
      if queue.jobs.isEmpty {
        queue.isRunning = false
        return nil
      }
      return queue.jobs.removeFirst()
    }
  }
}
