import Foundation
import Testing

@testable import Gyre

/// The backends that loops can use here: a kernel may make a ring and lack what loops need of it. Under a filter that denies
/// io_uring the suite runs on epoll alone, and `BackendTests` checks the refusal, and that there was a reason for it.
enum Backends {
  static let available = Backend.allCases.filter { backend in
    (try? EventLoop.run(EventLoop.Configuration(backend: backend.choice)) {}) != nil
  }
}

extension Backend {
  var choice: BackendChoice { self == .uring ? .uring : .epoll }
}

/// Runs `body` as a task on a new loop, stops the loop, and checks that nothing is left: no operation, no buffer, no
/// descriptor. Descriptors are the process's, so suites that use it are serialized.
func withLoop<Value: Sendable>(
  _ backend: Backend,
  seconds: Int = 30,
  configure: (inout EventLoop.Configuration) -> Void = { _ in },
  _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
  let watchdog = Watchdog(seconds: seconds, "\(backend)")
  defer { watchdog.stop() }
  var configuration = EventLoop.Configuration(backend: backend.choice)
  TinyQueues.fromEnvironment?.apply(to: &configuration)
  configure(&configuration)
  _ = await StockExecutor.begun.value
  let before = OpenDescriptors.list()
  let (result, trace) = try await runLoop(configuration, watchdog, body)
  await expectNothingLeft(of: trace, besides: before)
  return try result.get()
}

/// The same with several loops: `body` runs on the first one.
func withLoops<Value: Sendable>(
  _ backends: [Backend],
  seconds: Int = 60,
  configure: (inout EventLoop.Configuration) -> Void = { _ in },
  _ body: @escaping @Sendable ([EventLoop]) async throws -> Value
) async throws -> Value {
  let watchdog = Watchdog(seconds: seconds, "\(backends)")
  defer { watchdog.stop() }
  _ = await StockExecutor.begun.value
  let before = OpenDescriptors.list()
  let (result, traces) = try await runLoops(
    backends.map { backend in
      var configuration = EventLoop.Configuration(backend: backend.choice)
      TinyQueues.fromEnvironment?.apply(to: &configuration)
      configure(&configuration)
      return configuration
    },
    watchdog,
    body
  )
  for trace in traces { await expectNothingLeft(of: trace, besides: before) }
  return try result.get()
}

private func runLoops<Value: Sendable>(
  _ configurations: [EventLoop.Configuration],
  _ watchdog: Watchdog,
  _ body: @escaping @Sendable ([EventLoop]) async throws -> Value
) async throws -> (Result<Value, any Error>, [LoopTrace]) {
  let loops = try configurations.map { try EventLoop.start($0) }
  let task = Task(executorPreference: loops[0].taskExecutor) { try await body(loops) }
  watchdog.onExpiry { task.cancel() }
  for loop in loops { watchdog.stops(loop) }
  let result = await task.result
  for loop in loops {
    await loop.shutdown()
    expectDrained(loop)
  }
  return (result, loops.map { LoopTrace(loop: $0) })
}

private func expectDrained(_ loop: EventLoop) {
  #expect(loop.driver.operations.inFlight == 0)
  #expect(loop.driver.operations.strays == 0)
  #expect(loop.driver.buffers.held == 0)
  #expect(loop.driver.buffers.allocated == 0)
  #expect(loop.driver.counters.directDescriptors == 0)
}

/// A function of its own: it refers to the loop no longer than it runs.
private func runLoop<Value: Sendable>(
  _ configuration: EventLoop.Configuration,
  _ watchdog: Watchdog,
  _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> (Result<Value, any Error>, LoopTrace) {
  let loop = try EventLoop.start(configuration)
  let task = Task(executorPreference: loop.taskExecutor) { try await body(loop) }
  watchdog.onExpiry { task.cancel() }
  watchdog.stops(loop)
  let result = await task.result
  await loop.shutdown()
  expectDrained(loop)
  return (result, LoopTrace(loop: loop))
}

/// Tells whether a loop is still referred to.
private struct LoopTrace {
  weak var loop: EventLoop?
}

/// The loop's own waker is open for as long as the loop is referred to, and its thread lets go of it a moment after its end:
/// in the middle of the next test, if nobody waited. The stock executor's monitor opens files of `/proc` for a moment now
/// and then, so what is open is looked at again before it counts as left.
private func expectNothingLeft(of trace: LoopTrace, besides before: Set<Int32>) async {
  var left: Set<Int32> = []
  _ = await Patience.until(seconds: 2) {
    left = OpenDescriptors.list().subtracting(before)
    return left.isEmpty && trace.loop == nil
  }
  #expect(left.isEmpty, "descriptors were left open: \(left.map(OpenDescriptors.describe))")
  #expect(trace.loop == nil, "somebody still refers to the loop")
}

/// The stock executor opens descriptors of its own at its first use.
private enum StockExecutor {
  static let begun = Task.detached { try? await Task.sleep(for: .milliseconds(1)) }
}
