import CLiburing

extension EventLoop {
  /// Suspends the calling task, which runs on a loop's thread, until what `body` gets is resumed.
  ///
  /// - Returns: what it was resumed with.
  @inline(__always)
  static func suspend(_ body: (SuspendedTask) -> Void) async -> Int32 {
    #if compiler(>=6.3) && compiler(<6.4) && _pointerBitWidth(_64)
      // On an actor, the runtime has to find a moment when the actor is free. A loop that stops may end before the task is
      // resumed, and only a continuation can be resumed elsewhere.
      if gyre_suspends_tasks() && !gyre_is_on_actor() && !withCurrent({ $0.isStopping }) {
        body(.job(gyre_current_task(), withCurrent { $0.runningIdentity }))
        await suspendRunningTask()
        return withCurrent { $0.resumedWith }
      }
    #endif
    return await suspendByContinuation(body)
  }

  // Not inlined: what is only needed here is not to be in the frame of every receive and send.
  @inline(never)
  private static func suspendByContinuation(_ body: (SuspendedTask) -> Void) async -> Int32 {
    // `withUnsafeContinuation` would first have the runtime switch to the executor that the task is on already.
    let result = await _unsafeInheritExecutor_withUnsafeContinuation { body(.continuation($0)) }
    // A refusal resumes it before it has suspended. A task that tries again after each must not keep its thread.
    if result < 0 { await Task.yield() }
    return result
  }

  /// Calls `body` with the loop whose thread the calling code runs on, without counting a reference.
  @inline(__always)
  static func withCurrent<Value>(_ body: (EventLoop) -> Value) -> Value {
    // Set for as long as `runUntilEnd` runs, which holds the loop.
    Unmanaged<EventLoop>.fromOpaque(gyre_current_loop()!)._withUnsafeGuaranteedRef(body)
  }
}

#if compiler(>=6.3) && compiler(<6.4) && _pointerBitWidth(_64)
  /// Has the runtime suspend the running task. It goes on when its job is run.
  @_silgen_name("gyre_suspend_task")
  func suspendRunningTask() async
#endif
