/// Runs jobs that become ready on a loop that has ended, so that no task stays suspended for ever.
///
/// They run one after the other on one thread, which is what an actor of an ended loop still needs. They need no I/O: all
/// that they can ask of their loop is refused.
enum Stragglers {
  private struct Queue: Sendable {
    var jobs: [(Job, EventLoop)] = []
    var isRunning = false
  }

  private static let queue = Locked(Queue())

  static func run(_ job: Job, of loop: EventLoop) {
    let needsThread = queue.withLock { queue in
      queue.jobs.append((job, loop))
      defer { queue.isRunning = true }
      return !queue.isRunning
    }
    if needsThread { Thread.start(name: "gyre-straggler") { drain() } }
  }

  private static func drain() {
    while let (job, loop) = next() { Executors(loop: loop).run(job) }
  }

  private static func next() -> (Job, EventLoop)? {
    queue.withLock { queue in
      if queue.jobs.isEmpty {
        queue.isRunning = false
        return nil
      }
      return queue.jobs.removeFirst()
    }
  }
}
