// @unchecked: `loop` is written once, before the first task of the program runs.
/// The main actor's executor: the loop of the program's main thread.
final class ProgramMainExecutor: SerialExecutor, @unchecked Sendable {
  private var mainLoop: EventLoop?

  func set(_ loop: EventLoop) {
    assert(mainLoop == nil, "written once")
    mainLoop = loop
  }

  var loop: EventLoop { mainLoop! }

  func enqueue(_ job: consuming ExecutorJob) { loop.enqueue(Job(job, .main)) }

  /// Whether the calling code runs on the main thread: before its loop turns for the first time, too.
  func isIsolatingCurrentContext() -> Bool? { isOnMainThread }

  func checkIsolated() {
    if !isOnMainThread { fatalError("this code must run on the main actor") }
  }

  private var isOnMainThread: Bool { loop.isOnOwnThread }

  /// Runs the loop on the calling thread, which has to be the main one, until the runtime stops it: the program's `main` may
  /// go on after somebody has stopped the loop.
  func run() throws {
    loop.hold()
    loop.runUntilEnd()
  }

  func stop() {
    loop.stop()
    loop.release()
  }
}
