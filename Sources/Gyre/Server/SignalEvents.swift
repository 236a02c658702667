import CLiburing
import Glibc

/// Tells of signals on a thread where anything may be done, which a signal handler's function may not.
///
/// The handler writes the signal's number into a pipe, and a thread, started at the first use and kept, reads it. That thread lets
/// through the signals that are observed, so that they arrive though every other one may block them, as the threads of a process do
/// that was started with them blocked, and Dispatch's. `signal-safety(7)`, `pthread_sigmask(3)`
package enum SignalEvents {
  private struct State: Sendable {
    var writer: Int32 = -1
    var observers: [Int: (signals: Set<Int32>, body: @Sendable (Int32) -> Void)] = [:]
    var nextObserver = 0
    var parent: Parent?
  }

  /// A process with which this one ends.
  private struct Parent: Sendable {
    /// Its pidfd.
    let descriptor: Int32
    /// Nanoseconds that this process has from then on.
    let time: UInt64
  }

  private static let state = Locked(State())
  /// In the pipe: the state has changed.
  private static let change: Int32 = 0

  /// Calls `body` at each of these signals, until `ignore`.
  ///
  /// - Returns: what to call `ignore` with.
  /// - Throws: the `Errno` of `pipe(2)` or `pthread_create(3)`.
  static func observe(_ signals: Set<Int32>, _ body: @escaping @Sendable (Int32) -> Void) throws -> Int {
    try state.withLock { state in
      try ensureThread(&state)
      for signal in signals where !isObserved(signal, state) { _ = gyre_catch_signal(signal, state.writer) }
      let observer = state.nextObserver
      state.nextObserver += 1
      state.observers[observer] = (signals, body)
      tellThread(state)
      return observer
    }
  }

  /// Ends an observation. A signal that nobody observes any more does what it did before.
  static func ignore(_ observer: Int) {
    state.withLock { state in
      guard let gone = state.observers.removeValue(forKey: observer) else { return }
      for signal in gone.signals where !isObserved(signal, state) { gyre_restore_signal(signal) }
      tellThread(state)
    }
  }

  /// Sends this process SIGTERM when the process of a pidfd has ended, and has the kernel end it so many nanoseconds later.
  ///
  /// - Throws: the `Errno` of `pipe(2)` or `pthread_create(3)`.
  static func endWith(parent descriptor: Int32, within time: UInt64) throws {
    try state.withLock { state in
      try ensureThread(&state)
      state.parent = Parent(descriptor: descriptor, time: time)
      tellThread(state)
    }
  }

  /// Dies of a signal, which the parent process sees.
  package static func end(by signal: Int32) -> Never {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    Glibc.signal(signal, SIG_DFL)
    // The calling thread may block it, as Dispatch's do, or be forked from one that does.
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(signal)
    // Only the first process of a container outlives that. pid_namespaces(7)
    _exit(128 + signal)
  }

  private static func isObserved(_ signal: Int32, _ state: State) -> Bool {
    state.observers.values.contains { $0.signals.contains(signal) }
  }

  // MARK: The thread

  private static func ensureThread(_ state: inout State) throws(Errno) {
    guard state.writer < 0 else { return }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Errno.current }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // The handler must never block.
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    let reader = ends[0]
    if let failure = Thread.start(name: "gyre-signals", { run(reader) }) {
      for end in ends { close(end) }
      throw failure
    }
    state.writer = ends[1]
  }

  private static func tellThread(_ state: State) {
    var byte = UInt8(change)
    _ = write(state.writer, &byte, 1)
  }

  private static func run(_ reader: Int32) {
    var inherited = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &inherited)
    var parent: Parent?
    while true {
      var polled = [reader, parent?.descriptor ?? -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&polled, 2, -1) > 0 else { continue }
      if polled[0].revents != 0 {
        // Without its pipe there is nothing left to do.
        guard let signal = next(reader) else { return }
        if signal == change { parent = lookAgain(inherited) } else { tell(signal) }
      }
      if polled[1].revents != 0, let gone = parent.take() { end(with: gone) }
    }
  }

  private static func next(_ reader: Int32) -> Int32? {
    var byte: UInt8 = 0
    return Errno.retrying { read(reader, &byte, 1) } == 1 ? Int32(byte) : nil
  }

  /// Lets the observed signals through, and no others than before.
  private static func lookAgain(_ inherited: sigset_t) -> Parent? {
    let state = state.withLock { $0 }
    var set = inherited
    for observer in state.observers.values {
      for signal in observer.signals { sigdelset(&set, signal) }
    }
    pthread_sigmask(SIG_SETMASK, &set, nil)
    return state.parent
  }

  private static func end(with parent: Parent) {
    state.withLock { $0.parent = nil }
    close(parent.descriptor)
    _ = gyre_kill_after(parent.time)
    kill(getpid(), SIGTERM)
  }

  private static func tell(_ signal: Int32) {
    let bodies = state.withLock { state in
      state.observers.values.filter { $0.signals.contains(signal) }.map(\.body)
    }
    for body in bodies { body(signal) }
  }
}
