#if compiler(>=6.3) && compiler(<6.4) && _pointerBitWidth(_64)
  import CLiburing
  import Glibc

  // @unchecked: `passes` runs the task on the calling thread, which alone touches the members.
  /// Tries on a task of its own what `suspend.c` does to tasks: to suspend one, and to go on with it by running it again. What
  /// can be looked at is looked at before anything is written.
  final class SuspensionProbe: TaskExecutor, @unchecked Sendable {
    private var jobs: [UnownedJob] = []
    private var isCurrentTask = false
    private var hasGoneOn = false
    private let thread = pthread_self()

    func enqueue(_ job: consuming ExecutorJob) {
      assert(pthread_equal(pthread_self(), thread) != 0, "the task runs on the thread that tries it")
      jobs.append(UnownedJob(job))
    }

    func passes() -> Bool {
      Task(executorPreference: self) { await self.suspend() }
      guard let job = jobs.popLast() else { return false }
      let address = unsafeBitCast(job, to: UnsafeRawPointer.self)
      let looksRight = gyre_is_new_task(address)
      runningTask = looksRight ? address : nil
      job.runSynchronously(on: asUnownedTaskExecutor())
      guard isCurrentTask, !hasGoneOn, jobs.isEmpty else { return false }
      job.runSynchronously(on: asUnownedTaskExecutor())
      return hasGoneOn && jobs.isEmpty
    }

    /// The task's address; `nil` if it is not to be suspended.
    private var runningTask: UnsafeRawPointer?

    private func suspend() async {
      isCurrentTask = runningTask != nil && gyre_current_task().map { UnsafeRawPointer($0) } == runningTask
      guard isCurrentTask else { return }
      await suspendRunningTask()
      hasGoneOn = true
    }
  }
#endif
