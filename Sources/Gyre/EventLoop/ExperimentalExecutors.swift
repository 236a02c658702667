// The one file that uses what Swift's concurrency library calls experimental: the executors of a whole program, and
// executors that keep time for `Task.sleep`. Its names change between compilers; where they are not known, the program
// stays on the stock executor and `GlobalExecutor.isAvailable` says so.

#if compiler(>=6.3) && compiler(<6.4)
  @_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency

  extension GlobalExecutor {
    static var isSupported: Bool { LoadedRuntime.isKnown }

    /// Makes the claimed executors the process's. Before any task exists.
    static func replaceExecutors() throws(ConfigurationError) {
      _createExecutors(factory: Factory.self)
      guard Task.defaultExecutor as? ProgramTaskExecutor === ProgramExecutors.installed?.tasks else {
        throw ConfigurationError("the runtime keeps its own executor: use EventLoop.run")
      }
    }
  }

  private struct Factory: ExecutorFactory {
    static var mainExecutor: any MainExecutor { ProgramExecutors.installed!.main }
    static var defaultExecutor: any TaskExecutor { ProgramExecutors.installed!.tasks }
  }

  extension ProgramMainExecutor: MainExecutor {}

  extension ProgramTaskExecutor: SchedulingExecutor {
    func enqueue<C: Clock>(_ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C) {
      loop.enqueueTimer(UnownedJob(job), after: duration(delay, of: clock))
    }

    func enqueue<C: Clock>(_ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C) {
      loop.enqueueTimer(UnownedJob(job), after: duration(clock.timeLeft(until: instant), of: clock))
    }
  }

  @_spi(ExperimentalScheduling) extension LoopTaskExecutor: SchedulingExecutor {
    /// Puts a job that `Task.sleep` or a clock waits for into the loop's timers.
    public func enqueue<C: Clock>(
      _ job: consuming ExecutorJob,
      after delay: C.Duration,
      tolerance: C.Duration?,
      clock: C
    ) {
      loop.enqueueTimer(UnownedJob(job), after: duration(delay, of: clock))
    }

    /// Puts a job that `Task.sleep` or a clock waits for into the loop's timers.
    public func enqueue<C: Clock>(
      _ job: consuming ExecutorJob,
      at instant: C.Instant,
      tolerance: C.Duration?,
      clock: C
    ) {
      loop.enqueueTimer(UnownedJob(job), after: duration(clock.timeLeft(until: instant), of: clock))
    }
  }

  /// A clock's duration in the loop's terms.
  private func duration<C: Clock>(_ value: C.Duration, of clock: C) -> Duration {
    guard let duration = value as? Duration else {
      fatalError(
        "\(C.self) counts in \(C.Duration.self): a loop's timers need a clock that counts in Duration"
      )
    }
    return duration
  }
#else
  extension GlobalExecutor {
    static let isSupported = false

    static func replaceExecutors() throws(ConfigurationError) {}
  }

  extension ProgramMainExecutor {}
#endif
