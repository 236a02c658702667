import Synchronization

/// Several loops, each on a thread of its own, and the choice of one for each task.
///
/// A task stays on the loop that it was started on, and so does everything that it opens: nothing is balanced behind its
/// back. `Channel` carries values between loops, and `TCPConnection.move(to:)` a connection.
///
/// ```swift
/// try await EventLoopGroup.withLoops(2) { group in
///   let answer = group.startTask { try await work() }
///   print(try await answer.value)
/// }
/// ```
public final class EventLoopGroup: Sendable {
  /// The loops, in the order of their start.
  public let loops: [EventLoop]

  private let started = Atomic<Int>(0)

  private init(loops: [EventLoop]) { self.loops = loops }

  // MARK: Starting

  /// Starts loops and returns when all of them run. If one cannot start, those that did have ended when this throws.
  ///
  /// Their threads are named after the configuration's name with a number added: `gyre-0`, `gyre-1`. Blocks the calling
  /// thread for some milliseconds.
  /// - Parameters:
  ///   - count: how many, 1 to 1,024. Default: `defaultLoopCount`.
  ///   - configuration: how each is made; its `core` is replaced by what `pinning` says.
  ///   - pinning: whether each loop keeps to a core.
  /// - Throws: `ConfigurationError` for a count out of its range or a core that the process may not use; `BackendError` if a loop
  ///   cannot be made.
  public static func start(
    loops count: Int = defaultLoopCount,
    configuration: EventLoop.Configuration = EventLoop.Configuration(),
    pinning: Pinning = .none
  ) throws -> EventLoopGroup {
    guard (1...mostLoops).contains(count) else {
      throw ConfigurationError("a group of \(count) loops: use 1 to \(mostLoops)")
    }
    let cores = try pinning.cores(for: count)
    var loops: [EventLoop] = []
    do {
      for index in 0..<count {
        var each = configuration
        each.name = "\(configuration.name)-\(index)"
        each.core = cores[index]
        loops.append(try EventLoop.start(each))
      }
    } catch {
      for loop in loops { loop.stop() }
      for loop in loops { loop.ending.waitBlocking() }
      throw error
    }
    return EventLoopGroup(loops: loops)
  }

  /// Starts loops, runs `body`, and shuts the loops down when it has ended.
  ///
  /// - Throws: as `start(loops:configuration:pinning:)`, and what `body` throws.
  public static func withLoops<Value>(
    _ count: Int = defaultLoopCount,
    configuration: EventLoop.Configuration = EventLoop.Configuration(),
    pinning: Pinning = .none,
    _ body: (EventLoopGroup) async throws -> Value
  ) async throws -> Value {
    let group = try start(loops: count, configuration: configuration, pinning: pinning)
    let result: Result<Value, any Error>
    do {
      result = .success(try await body(group))
    } catch {
      result = .failure(error)
    }
    await group.shutdown()
    return try result.get()
  }

  /// The cores that the calling thread may use, and so what it starts. `sched_getaffinity(2)`
  public static var availableCores: [Int] { CoreAffinity.allowed }

  /// How many loops a group has that is not told: one for each core that may be used, but no more than the quota of the
  /// process's control groups amounts to, rounded up (`docker --cpus`, Kubernetes' limits). Threads beyond a quota take turns
  /// in being stopped by it. At least 1. `sched_getaffinity(2)`, `cgroups(7)`
  public static var defaultLoopCount: Int {
    loopCount(cores: availableCores.count, quota: ProcessorQuota.processors())
  }

  static func loopCount(cores: Int, quota: Int?) -> Int { max(min(cores, quota ?? cores, mostLoops), 1) }

  /// The most loops of a group: a thread each.
  static let mostLoops = 1024

  // MARK: Placing tasks

  /// The next loop in turn. From any thread; costs one atomic addition.
  public func next() -> EventLoop {
    let count = started.wrappingAdd(1, ordering: .relaxed).oldValue
    return loops[Int(UInt(bitPattern: count) % UInt(loops.count))]
  }

  /// The loop that a placement means now.
  public func loop(for placement: TaskPlacement) -> EventLoop {
    switch placement {
    case .roundRobin: return next()
    case .loop(let loop): return loop
    case .current:
      guard let current = EventLoop.current, loops.contains(where: { $0 === current }) else { return next() }
      return current
    }
  }

  /// Starts a task on one of the loops. It runs there to its end. In a task group, prefer the loop instead:
  /// `tasks.addTask(executorPreference: group.next().taskExecutor) { … }`.
  @discardableResult
  public func startTask<Value: Sendable>(
    on placement: TaskPlacement = .roundRobin,
    _ body: @escaping @Sendable () async throws -> Value
  ) -> Task<Value, any Error> {
    Task(executorPreference: loop(for: placement).taskExecutor) { try await body() }
  }

  // MARK: Stopping

  /// Asks every loop to stop, and returns at once. As `EventLoop.stop()`.
  public func stop() {
    for loop in loops { loop.stop() }
  }

  /// Stops every loop, and returns when all have drained. Called on one of the loops, it would wait for itself: call it
  /// from elsewhere.
  public func shutdown() async {
    if loops.contains(where: { $0.isCurrent }) {
      fatalError("EventLoopGroup.shutdown cannot be awaited on one of its own loops: use stop()")
    }
    stop()
    for loop in loops { await loop.ending.wait() }
  }
}
