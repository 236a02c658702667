import CLiburing
import Glibc

/// Tells of signals on a thread where anything may be done, which a signal handler's function may not.
///
/// The handler writes the signal's number into a pipe, and a thread, started at the first use and kept, reads it. `signal-safety(7)`
enum SignalEvents {
  private struct State: Sendable {
    var writer: Int32 = -1
    var observers: [Int: (signals: Set<Int32>, body: @Sendable (Int32) -> Void)] = [:]
    var nextObserver = 0
  }

  private static let state = Locked(State())

  /// Calls `body` at each of these signals, until `ignore`.
  ///
  /// - Returns: what to call `ignore` with.
  /// - Throws: the `Errno` of `pipe(2)` or `pthread_create(3)`.
  static func observe(_ signals: Set<Int32>, _ body: @escaping @Sendable (Int32) -> Void) throws -> Int {
    try state.withLock { state in
      if state.writer < 0 { state.writer = try startThread() }
      for signal in signals where !isObserved(signal, state) { _ = gyre_catch_signal(signal, state.writer) }
      let observer = state.nextObserver
      state.nextObserver += 1
      state.observers[observer] = (signals, body)
      return observer
    }
  }

  /// Ends an observation. A signal that nobody observes any more does what it did before.
  static func ignore(_ observer: Int) {
    state.withLock { state in
      guard let gone = state.observers.removeValue(forKey: observer) else { return }
      for signal in gone.signals where !isObserved(signal, state) { gyre_restore_signal(signal) }
    }
  }

  private static func isObserved(_ signal: Int32, _ state: State) -> Bool {
    state.observers.values.contains { $0.signals.contains(signal) }
  }

  private static func startThread() throws(Errno) -> Int32 {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Errno.current }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // The handler must never block.
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    let reader = ends[0]
    let failure = Thread.start(name: "gyre-signals") {
      var signal: UInt8 = 0
      while true {
        if read(reader, &signal, 1) == 1 { tell(Int32(signal)) }
      }
    }
    guard let failure else { return ends[1] }
    for end in ends { close(end) }
    throw failure
  }

  private static func tell(_ signal: Int32) {
    let bodies = state.withLock { state in
      state.observers.values.filter { $0.signals.contains(signal) }.map(\.body)
    }
    for body in bodies { body(signal) }
  }
}
