import CLiburing
import Glibc

/// A worker as its supervisor sees it. `posix_spawn(3)`, `pidfd_open(2)`
final class ChildProcess {
  let process: pid_t
  /// Its place among the workers, as long as it has one.
  var place: Int?
  /// The sockets, by their indices, that it accepts from, as far as its supervisor knows.
  var queues: [Int] = []
  let started = EventLoop.now
  private(set) var isReady = false
  /// How it ended, as far as that is known.
  private(set) var exit: ProcessExit?
  private let descriptor: ChildDescriptor
  /// Readable when the process says something; -1 once nobody wants to hear it.
  private var control: Int32
  private var waits: WaitSet?
  /// For the time at which it is killed.
  private var timer: TimerID?
  private var killTime: UInt64?
  /// When it is killed unless it is ready.
  private var startTime = UInt64.max
  /// SIGTERM is due as soon as it is ready.
  private var isToDrain = false
  /// It drains by itself. It goes on accepting until nobody listens to it any more.
  private var isDraining = false

  /// The path of the program, as it was found at the start and byte for byte: an upgraded file of that name is what a reload
  /// starts. The last byte is a zero.
  private static let program: [CChar] = {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count - 1) }
    guard count > 0 else { return "/proc/self/exe".utf8CString.map { $0 } }
    return Array(path[...count])
  }()

  /// For messages: where it is no UTF-8, as near as that gets.
  static var path: String { program.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } }

  /// Looks whether processes can be started and watched. It has to be called before the server is ready: a program file that is
  /// replaced later is not found by its name.
  ///
  /// - Throws: the `Errno` of `pidfd_open(2)` or `access(2)`.
  static func prepare() throws(Errno) {
    guard access(program, X_OK) == 0 else { throw Errno.current }
    let descriptor = gyre_pidfd_open(getpid())
    guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
    close(descriptor)
  }

  /// Runs this program again, with its arguments, as a worker that gets `sockets`.
  ///
  /// - Throws: the `Errno` of `posix_spawn(3)` (`EAGAIN`, `ENOMEM`, `ENOENT` if the program is gone), `socketpair(2)` or
  ///   `pidfd_open(2)`.
  init(_ kind: WorkerProcess.Kind, sockets: [Int32]) throws(Errno) {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
      throw Errno.current
    }
    defer { close(pair[1]) }
    ChildDescriptor.keepEndedChildren()
    let worker = WorkerProcess(kind: kind, count: sockets.count)
    do throws(Errno) {
      process = try ChildProcess.spawn(worker, [pair[1]] + sockets)
      descriptor = try ChildDescriptor(of: process)
    } catch {
      close(pair[0])
      throw error
    }
    control = pair[0]
  }

  deinit {
    descriptor.close()
    if control >= 0 { close(control) }
  }

  // MARK: Starting

  private static func spawn(_ worker: WorkerProcess, _ descriptors: [Int32]) throws(Errno) -> pid_t {
    // Copies above the numbers that the worker gets, so that none is overwritten before it is passed.
    let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 3 + Int32(descriptors.count)) }
    defer { for copy in copies where copy >= 0 { close(copy) } }
    if copies.contains(where: { $0 < 0 }) { throw .tooManyOpenFiles }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (index, copy) in copies.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, copy, WorkerProcess.control + Int32(index))
    }
    _ = gyre_close_from(&actions, WorkerProcess.control + Int32(copies.count))
    var attributes = makeAttributes()
    defer { posix_spawnattr_destroy(&attributes) }
    var process: pid_t = 0
    var given = Array("\(WorkerProcess.variable)=\(worker.environment(control: descriptors[0]))".utf8CString)
    let result = given.withUnsafeMutableBufferPointer { given in
      posix_spawn(&process, program, &actions, &attributes, arguments, environment(with: given.baseAddress!))
    }
    if result != 0 { throw Errno(rawValue: result) }
    return process
  }

  /// SIGHUP is blocked until the C part of the worker catches it, before its program's first step: a reload of the whole group
  /// ends nobody who just starts. No other signal is blocked. SIGTERM is not ignored, since it is how a worker is ended. What
  /// else this process ignores is ignored there too, and what it catches is the default. `execve(2)`
  private static func makeAttributes() -> posix_spawnattr_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var (blocked, defaults) = (sigset_t(), sigset_t())
    sigemptyset(&blocked)
    sigaddset(&blocked, SIGHUP)
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGTERM)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    return attributes
  }

  /// The process's own, byte for byte; they live as long as it does.
  private static var arguments: [UnsafeMutablePointer<CChar>?] {
    (0..<Int(CommandLine.argc)).map { CommandLine.unsafeArgv[$0] } + [nil]
  }

  /// This process's variables, byte for byte, without those that are not for a worker. They are valid until the environment
  /// changes, as everywhere: `getenv(3)`.
  private static func environment(with added: UnsafeMutablePointer<CChar>) -> [UnsafeMutablePointer<CChar>?] {
    let left = ServiceManager.variables + [WorkerProcess.variable]
    var result: [UnsafeMutablePointer<CChar>?] = []
    var entry = environ
    while let pair = entry.pointee {
      if !left.contains(where: { strncmp(pair, "\($0)=", $0.utf8.count + 1) == 0 }) { result.append(pair) }
      entry += 1
    }
    return result + [added, nil]
  }

  // MARK: Watching

  /// Waits for what the process says and for its end.
  ///
  /// - Parameters:
  ///   - time: nanoseconds after which it is killed if it is not ready.
  ///   - onReady: called once, if it becomes ready.
  ///   - onDrain: called at most once, if it then stops accepting without having been asked to. It keeps a descriptor open until it is
  ///     retired.
  ///   - onEnd: called once, with the end as people read it. The process is reaped and no more watched.
  /// - Throws: the `Errno` of `epoll_ctl(2)`; the process has been ended then.
  func watch(
    in waits: WaitSet,
    readyWithin time: Duration,
    onReady: @escaping (ChildProcess) -> Void,
    onDrain: ((ChildProcess) -> Void)? = nil,
    onEnd: @escaping (ChildProcess, String) -> Void
  ) throws(Errno) {
    self.waits = waits
    do throws(Errno) {
      try waits.add(control) { [unowned self] in
        while let word = nextWord() {
          switch word {
          case .ready:
            becomeReady()
            if onDrain == nil || killTime != nil { closeControl() }
            onReady(self)
          case .draining:
            isDraining = true
            onDrain?(self)
          }
        }
      }
      // This is what keeps the object alive until the process has ended.
      try waits.add(descriptor.number) { if let how = self.reap() { onEnd(self, how) } }
    } catch {
      end()
      throw error
    }
    startTime = started + time.nanosecondsClamped
    setTimer()
  }

  /// The next of what the process has said; `nil` if that is all.
  private func nextWord() -> WorkerProcess.Word? {
    guard control >= 0 else { return nil }
    var byte: UInt8 = 0
    let count = recv(control, &byte, 1, Int32(MSG_DONTWAIT))
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return nil }
    if count == 1, let word = WorkerProcess.Word(rawValue: byte) { return word }
    closeControl()
    return nil
  }

  private func becomeReady() {
    isReady = true
    setTimer()
    if isToDrain { descriptor.signal(SIGTERM) }
  }

  private func unwatch() {
    waits?.remove(descriptor.number)
    closeControl()
    removeTimer()
  }

  private func closeControl() {
    guard control >= 0 else { return }
    waits?.remove(control)
    close(control)
    control = -1
  }

  /// How it ended; `nil` while it runs.
  private func reap() -> String? {
    guard let status = descriptor.reap() else { return nil }
    unwatch()
    guard status >= 0 else { return "ended, and other code of this program took its status" }
    let exit = ProcessExit(status: status)
    self.exit = exit
    return "ended with \(exit)"
  }

  // MARK: Ending

  /// Asks it to drain, and has it killed when `time` has passed; sooner if it was asked before and has more time left.
  ///
  /// One that drains by itself is not signalled: what its program does after the drain would die of that.
  ///
  /// - Parameter whenReady: not before it is ready: one that just starts would die of the signal.
  func retire(within time: Duration, whenReady: Bool = false) {
    let isFirst = killTime == nil
    killTime = min(killTime ?? .max, EventLoop.now + time.nanosecondsClamped)
    setTimer()
    if isFirst && !isDraining {
      isToDrain = whenReady && !isReady
      if !isToDrain { descriptor.signal(SIGTERM) }
    }
    // It has nothing more to say.
    if isReady { closeControl() }
  }

  /// Has it killed at the end of its drain, or of its start.
  private func setTimer() {
    removeTimer()
    let end = min(killTime ?? .max, isReady ? .max : startTime)
    if end < .max { timer = waits?.insert(at: end) { [unowned self] in kill() } }
  }

  private func kill() {
    timer = nil
    if !isReady && EventLoop.now >= startTime {
      let time = Duration.nanoseconds(startTime - started)
      Server.log.error("worker \(process) is killed: it was not ready within \(time)")
    }
    descriptor.signal(SIGKILL)
  }

  private func removeTimer() {
    if let timer { waits?.remove(timer) }
    timer = nil
  }

  /// Kills it, waits for its end, and tells nobody.
  func end() {
    unwatch()
    descriptor.signal(SIGKILL)
    _ = Errno.retrying { Int(waitpid(process, nil, 0)) }
  }
}
