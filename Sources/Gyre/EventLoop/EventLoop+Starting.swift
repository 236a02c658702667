extension EventLoop {
  /// Runs `body` as a task on a new loop on the calling thread, and returns when it has ended and the loop has drained.
  ///
  /// This is how a program whose main thread is the loop starts. The calling thread is blocked, so call it from
  /// synchronous code. When `body` ends, operations of other tasks that are still in flight are cancelled. If another task
  /// stops the loop, `run` still waits for `body`, which may have something to clean up.
  ///
  /// On the main thread the loop runs Dispatch's main queue, and with it `@MainActor` code (the globals of a `main.swift`, for
  /// one), as long as `run` has not returned. Not so in the child of a fork, and not within code of the main queue itself.
  ///
  /// - Throws: `ConfigurationError` if the configuration cannot work or the caller is on a loop's thread, which would be
  ///   blocked; `BackendError` if the loop cannot be made; otherwise what `body` throws.
  public static func run<Value: Sendable>(
    _ configuration: Configuration = Configuration(),
    _ body: @escaping @Sendable () async throws -> Value
  ) throws -> Value {
    try requireNoLoop("EventLoop.run")
    let loop = try EventLoop(configuration: configuration)
    loop.hold()
    let outcome = Outcome<Value>()
    Task(executorPreference: loop.taskExecutor) {
      do {
        outcome.set(.success(try await body()))
      } catch {
        outcome.set(.failure(error))
      }
      loop.stop()
      loop.release()
    }
    loop.runUntilEnd()
    return try outcome.get()
  }

  /// - Throws: `ConfigurationError` if the calling thread, which `function` would block, is a loop's.
  static func requireNoLoop(_ function: String) throws(ConfigurationError) {
    guard current != nil else { return }
    throw ConfigurationError(
      "\(function) is called on a loop's thread, which it would block: call it from a synchronous main, or await the body itself"
    )
  }

  /// Starts a loop on a thread of its own and returns when it runs.
  ///
  /// It runs until `stop()` or `shutdown()`; letting go of the value does not end it.
  ///
  /// - Throws: `ConfigurationError` or `BackendError` if the loop cannot be made; `ThreadError` if there is no thread for it.
  public static func start(_ configuration: Configuration = Configuration()) throws -> EventLoop {
    try start(configuration, program: nil)
  }

  static func start(_ configuration: Configuration, program: ProgramExecutors?) throws -> EventLoop {
    let made = Outcome<EventLoop>()
    let isMade = Semaphore()
    let failure = Thread.start(name: configuration.name) {
      do {
        let loop = try EventLoop(configuration: configuration, program: program)
        made.set(.success(loop))
        isMade.signal()
        loop.runUntilEnd()
      } catch {
        made.set(.failure(error))
        isMade.signal()
      }
    }
    if let failure { throw ThreadError(errno: failure) }
    isMade.wait()
    return try made.get()
  }

  /// The loop for code that runs on none and names none: one thread, started at its first use, never stopped.
  ///
  /// - Throws: `ConfigurationError` or `BackendError` if it cannot be made; the next use tries again.
  public static func shared() throws -> EventLoop {
    try SharedLoop.get()
  }

  /// The calling code's loop, or the shared one.
  static func currentOrShared() throws -> EventLoop {
    try current ?? shared()
  }
}
