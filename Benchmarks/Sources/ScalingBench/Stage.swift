import Glibc
import Gyre
import Measuring

/// Two loops, each on a core of its own where there are two.
struct Stage: Sendable {
  let options: ScalingOptions
  /// The one that is measured.
  let server: EventLoop
  let client: EventLoop

  init(_ options: ScalingOptions) throws {
    self.options = options
    let configuration = EventLoop.Configuration(backend: options.backend)
    let group = try EventLoopGroup.start(
      loops: 2,
      configuration: configuration,
      pinning: EventLoopGroup.availableCores.count >= 2 ? .each : .none
    )
    (server, client) = (group.loops[0], group.loops[1])
  }

  /// What the operation costs.
  func measure() async throws -> Figures {
    let perform = try await options.operation.prepare(self)
    // What has been started gets to where it waits.
    for loop in [server, client] { try await on(loop) { try await loop.sleep(for: .milliseconds(200)) } }
    try await perform(max(1, options.count / 10))
    let before = try await processorTime()
    let stopwatch = Stopwatch()
    try await perform(options.count)
    let time = stopwatch.time
    let spent = try await processorTime() - before
    let each = Double(options.count)
    return Figures([("cpu_ns", spent / each), ("wall_ns", time / each), ("cores", spent / time)])
  }

  /// Runs `body` on a loop.
  func on<Value: Sendable>(
    _ loop: EventLoop,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await Task(executorPreference: loop.taskExecutor) { try await body() }.value
  }

  /// Starts tasks on the server's loop, a thousand at a time, so that none waits long to begin.
  func startIdle(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    for number in 0..<options.idle {
      Task(executorPreference: server.taskExecutor) { try await body(number) }
      if number % 1000 == 999 { try await on(server) { await Task.yield() } }
    }
  }

  /// Nanoseconds of the server's thread. `clock_gettime(2)`
  private func processorTime() async throws -> Double {
    try await on(server) {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
  }
}
