import CLiburing
import Glibc

/// Runs a whole program on event loops: `Task {}`, `Task.sleep`, actors, `async let` and `@MainActor` too, which
/// otherwise run on the stock executor's threads and hop to a loop and back for each operation.
///
/// It is for the program's author to choose, once, before the first task exists; a library does not. Two ways:
///
/// ```swift
/// @main struct Server {
///   static func main() throws {
///     try GlobalExecutor.run {
///       // All of the program's tasks run on one loop, on the main thread.
///     }
///   }
/// }
/// ```
///
/// or, for a `main` that is `async`, a line that runs before it:
///
/// ```swift
/// @used @section(".init_array")
/// let useGyre: @convention(c) () -> Void = { GlobalExecutor.installAtStart() }
/// ```
///
/// The runtime calls this feature experimental; with a compiler whose form of it Gyre does not know, `run` gives the body a
/// loop of its own, as `EventLoop.run` does, and everything else stays on the stock executor.
public enum GlobalExecutor {
  /// Whether this program can replace the stock executor: Gyre knows the compiler, and the runtime that is loaded.
  public static var isAvailable: Bool { isSupported }

  /// Makes event loops the executor of the whole program, and runs `body` on the first of them, on the calling thread.
  /// Returns when `body` has ended and all loops have stopped and drained.
  ///
  /// The calling thread is blocked and becomes the main actor's, so call it from a synchronous `main`, on the main thread.
  /// A task runs on the loop that it is started on or resumed from; one that is resumed by another thread goes to the loops
  /// in turn. To keep a task on one of several loops, let it prefer that loop's executor: `TCPListener.serve` does. When
  /// `body` ends, operations of other tasks are cancelled; tasks that become ready later run on a thread of their own, and
  /// those of the main actor when the main thread runs its queue again (`EventLoop.run`, `dispatchMain()`). Meanwhile the first
  /// loop runs Dispatch's main queue, too.
  ///
  /// - Parameters:
  ///   - loops: how many, each with a thread; the first has the calling one.
  ///   - configuration: how each is made.
  /// - Throws: `ConfigurationError` or `BackendError` if a loop cannot be made, or if the program runs on Gyre already;
  ///   otherwise what `body` throws.
  public static func run<Value: Sendable>(
    loops: Int = 1,
    _ configuration: EventLoop.Configuration = EventLoop.Configuration(),
    _ body: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    guard isSupported else { return try EventLoop.run(configuration, body) }
    let executors = try makeExecutors(loops: loops, configuration)
    let outcome = Outcome<Value>()
    let main = executors.loops[0]
    // It has the main actor, which whatever drains elsewhere may need: it ends last.
    main.hold(times: executors.loops.count)
    for loop in executors.loops.dropFirst() { loop.ending.whenEnded { main.release() } }
    Task {
      do {
        outcome.set(.success(try await body()))
      } catch {
        outcome.set(.failure(error))
      }
      for loop in executors.loops { loop.stop() }
      main.release()
    }
    main.runUntilEnd()
    return try outcome.get()
  }

  /// Makes event loops the executor of the whole program, whose `main` is `async`.
  ///
  /// Call it from `.init_array`, on the main thread, before anything uses concurrency. The first loop runs when `main`
  /// suspends for the first time; the program ends when `main` returns, whatever its loops are doing.
  ///
  /// - Throws: as `run(loops:_:_:)`; `ConfigurationError` where `isAvailable` is false.
  public static func install(
    loops: Int = 1,
    _ configuration: EventLoop.Configuration = EventLoop.Configuration()
  ) throws {
    guard isSupported else {
      throw ConfigurationError(
        "Gyre does not know the executors of this compiler, or of the runtime that is loaded: use EventLoop.run, or Swift 6.3"
      )
    }
    _ = try makeExecutors(loops: loops, configuration)
  }

  /// As `install(loops:_:)`, for code that has nobody to throw to: a failure is told on standard error, and the program
  /// exits with 78 (`EX_CONFIG`).
  public static func installAtStart(
    loops: Int = 1,
    _ configuration: EventLoop.Configuration = EventLoop.Configuration()
  ) {
    do {
      try install(loops: loops, configuration)
    } catch {
      let text = "gyre: \(error)\n"
      _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
      exit(78)
    }
  }

  private static func makeExecutors(
    loops count: Int,
    _ configuration: EventLoop.Configuration
  ) throws -> ProgramExecutors {
    guard (1...1024).contains(count) else { throw ConfigurationError("loops is \(count): use 1 to 1024") }
    try EventLoop.requireNoLoop("GlobalExecutor.run")
    guard gyre_current_task() == nil else {
      throw ConfigurationError(
        "GlobalExecutor.run is called from a task: call it from a synchronous main, or use installAtStart for an async one"
      )
    }
    let executors = ProgramExecutors()
    try executors.claim()
    var loops: [EventLoop] = []
    do {
      loops.append(try EventLoop(configuration: configuration, program: executors))
      for _ in 1..<count { loops.append(try EventLoop.start(configuration, program: executors)) }
      executors.set(loops)
      try replaceExecutors()
    } catch {
      for loop in loops.dropFirst() { loop.stop() }
      for loop in loops.dropFirst() { loop.ending.waitBlocking() }
      loops.first?.discard()
      executors.disclaim()
      throw error
    }
    return executors
  }
}
