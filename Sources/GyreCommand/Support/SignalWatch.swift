import Glibc
import Gyre

/// Ends a command as its user asks: SIGINT (Ctrl-C) or SIGTERM ends it in good order, a second one at once.
///
/// A thread of its own takes the signals with `sigtimedwait(2)`: what it calls may do anything, which a signal handler's
/// function may not.
struct SignalWatch: Sendable {
  /// Called at the first signal, on the watching thread.
  let onFirst: @Sendable () -> Void
  /// Called if the process still runs `grace` after that.
  let onGraceOver: @Sendable () -> Void
  /// Seconds between the two.
  let grace: Int

  private static let signals = [SIGINT, SIGTERM]

  /// Keeps the signals until somebody watches. Called before the process has threads, which inherit it. `sigprocmask(2)`
  static func block() {
    var set = signalSet()
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Begins to watch, for the rest of the process's life; once a process.
  func start() {
    var thread = pthread_t()
    // The thread takes the reference over when it begins.
    let watch = Unmanaged.passRetained(Box(self)).toOpaque()
    let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { watch in
      Unmanaged<Box>.fromOpaque(watch!).takeRetainedValue().watch.run()
    }
    guard pthread_create(&thread, nil, body, watch) == 0 else { fatalError("no thread to watch for signals") }
    pthread_detach(thread)
  }

  private func run() -> Never {
    _ = SignalWatch.wait(seconds: nil)
    onFirst()
    if let second = SignalWatch.wait(seconds: grace) { SignalEvents.end(by: second) }
    onGraceOver()
    while true {
      if let second = SignalWatch.wait(seconds: nil) { SignalEvents.end(by: second) }
    }
  }

  /// The next signal; `nil` if none has come in time.
  private static func wait(seconds: Int?) -> Int32? {
    var set = signalSet()
    var limit = timespec(tv_sec: seconds ?? 1 << 30, tv_nsec: 0)
    while true {
      let signal = sigtimedwait(&set, nil, &limit)
      if signal > 0 { return signal }
      if errno == EAGAIN && seconds != nil { return nil }
    }
  }

  private static func signalSet() -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }

  private final class Box {
    let watch: SignalWatch
    init(_ watch: SignalWatch) { self.watch = watch }
  }
}
