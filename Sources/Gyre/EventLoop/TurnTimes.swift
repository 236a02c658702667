/// Where a loop's time has gone. The rest of its thread's life went to timers, to bookkeeping and to measuring.
public struct TurnTimes: Sendable, Equatable {
  /// In the system call that submits, waits and takes completions: `io_uring_enter(2)`, which also does the work that is
  /// submitted; `epoll_pwait2(2)`, which does not: there the reads and writes are in the two others.
  public internal(set) var kernel = Duration.zero
  /// Delivering completions: recording results and making tasks ready.
  public internal(set) var completions = Duration.zero
  /// Running jobs of tasks.
  public internal(set) var tasks = Duration.zero

  init() {}
}
