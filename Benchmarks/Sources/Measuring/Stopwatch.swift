import Glibc

/// Measures from when it is made.
public struct Stopwatch: Sendable {
  private let cpuStart = Stopwatch.now(CLOCK_PROCESS_CPUTIME_ID)
  private let start = Stopwatch.now(CLOCK_MONOTONIC)

  /// Starts.
  public init() {}

  /// Nanoseconds of all threads of the process since, in user space and in the kernel.
  public var processorTime: Double { Stopwatch.now(CLOCK_PROCESS_CPUTIME_ID) - cpuStart }

  /// Nanoseconds since.
  public var time: Double { Stopwatch.now(CLOCK_MONOTONIC) - start }

  /// Both, divided by how many times something was done meanwhile, and the cores that were busy on average.
  public func figures(for count: Int) -> Figures {
    let (cpu, wall) = (processorTime, time)
    return Figures([("cpu_ns", cpu / Double(count)), ("wall_ns", wall / Double(count)), ("cores", cpu / wall)])
  }

  /// `clock_gettime(2)`
  private static func now(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
