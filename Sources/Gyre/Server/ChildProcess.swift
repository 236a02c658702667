import CLiburing
import Glibc

/// A worker as its supervisor sees it. `posix_spawn(3)`, `pidfd_open(2)`
final class ChildProcess {
  let process: pid_t
  /// Readable when the process has ended.
  let ending: Int32
  /// Readable when the process says that it is ready; -1 once it has.
  private(set) var control: Int32
  let started = EventLoop.now
  private(set) var isReady = false
  /// When it is killed, if it still runs.
  private var killTime: UInt64?
  private var isKilled = false

  /// The program, as it was found at the start: an upgraded file of that name is what a reload starts.
  private static let program: String = {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    return count > 0 ? String(decoding: path[..<count], as: UTF8.self) : "/proc/self/exe"
  }()

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
    let worker = WorkerProcess(kind: kind, count: sockets.count)
    do throws(Errno) {
      process = try ChildProcess.spawn(worker, [pair[1]] + sockets)
    } catch {
      close(pair[0])
      throw error
    }
    control = pair[0]
    ending = gyre_pidfd_open(process)
    guard ending >= 0 else {
      let error = Errno(rawValue: -ending)
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
      close(control)
      throw error
    }
  }

  deinit {
    close(ending)
    closeControl()
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
    // The strings live until both are freed below; the kernel copies them during the call.
    let (arguments, environment) = (strings(CommandLine.arguments), strings(self.environment(worker)))
    defer { for string in arguments + environment { free(string) } }
    let result = posix_spawn(&process, program, &actions, &attributes, arguments, environment)
    if result != 0 { throw Errno(rawValue: result) }
    return process
  }

  /// No signal is blocked in a worker, and none that this process catches is ignored.
  private static func makeAttributes() -> posix_spawnattr_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var (none, defaults) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&defaults)
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGPIPE] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    return attributes
  }

  private static func environment(_ worker: WorkerProcess) -> [String] {
    let left = Set(ServiceManager.variables + [WorkerProcess.variable])
    var result: [String] = []
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text)
      if !left.contains(String(pair.prefix { $0 != "=" })) { result.append(pair) }
      entry += 1
    }
    return result + ["\(WorkerProcess.variable)=\(worker.environment())"]
  }

  private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }

  // MARK: Watching

  /// Reads what the process says. True if it has just become ready.
  func readControl() -> Bool {
    var byte: UInt8 = 0
    let wasReady = isReady
    if read(control, &byte, 1) == 1 { isReady = true }
    closeControl()
    return isReady && !wasReady
  }

  private func closeControl() {
    if control >= 0 { close(control) }
    control = -1
  }

  /// How it ended, as people read it; `nil` while it runs.
  func reap() -> String? {
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? "exited with \(status >> 8 & 0xff)" : "ended by signal \(signal)"
  }

  // MARK: Ending

  /// Asks it to drain, and has it killed when `time` has passed; sooner if it was asked before and has more time left.
  func retire(within time: UInt64) {
    if killTime == nil { kill(process, SIGTERM) }
    killTime = min(killTime ?? .max, EventLoop.now &+ time)
  }

  /// Kills it if its time has passed.
  func killIfOverdue(_ now: UInt64) {
    guard let time = killTime, time <= now, !isKilled else { return }
    kill(process, SIGKILL)
    isKilled = true
  }

  /// When it is to be killed, if it has not been.
  var nextTime: UInt64? { isKilled ? nil : killTime }
}
