import Synchronization

// @unchecked: `loops` is written once, before the first task of the program runs.
/// The program's default executor: a job goes to the loop that it is enqueued on, or to each of the loops in turn.
final class ProgramTaskExecutor: TaskExecutor, @unchecked Sendable {
  // The loops live as long as the process: the runtime may enqueue until then.
  private var loops: [EventLoop] = []
  private let next = Atomic<UInt>(0)

  func set(_ loops: [EventLoop]) {
    assert(self.loops.isEmpty, "written once")
    self.loops = loops
  }

  func enqueue(_ job: consuming ExecutorJob) { loop.enqueue(Job(job, .program)) }

  /// The loop for what is enqueued now.
  @inline(__always)
  var loop: EventLoop {
    if let current = EventLoop.current, current.program != nil { return current }
    if loops.count == 1 { return loops[0] }
    let (_, turn) = next.add(1, ordering: .relaxed)
    return loops[Int(turn % UInt(loops.count))]
  }
}
