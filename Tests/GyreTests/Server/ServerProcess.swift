import CLiburing
import Glibc
import Testing

@testable import Gyre

// @unchecked: `isReaped` is the test's own, which uses it from one task.
/// The server fixture, running in a process of its own, in a process group of its own that ends with it.
final class ServerProcess: @unchecked Sendable {
  let number: pid_t
  let address: SocketAddress
  private let output: Int32
  /// The server ends when this is closed, also by the end of this process.
  private let lifeline: Int32
  private var isReaped = false

  static let patterns = [
    "single", "reusePort", "sharedListener", "acceptor", "messageBalanced", "processes-shared", "processes-reuseport",
    "process-per-connection",
  ]

  /// Starts the fixture and waits until it listens.
  ///
  /// - Parameters:
  ///   - environment: variables in addition to the inherited ones.
  ///   - listening: listening sockets to pass as a service manager does.
  ///   - closesOutput: whether it starts without a standard output and a standard error; then its address is that of
  ///     the first of `listening`.
  ///   - prelude: what a shell does before it becomes the fixture.
  ///   - program: the fixture's file, where it is not the usual one.
  ///   - log: a file for what the fixture and its workers say; nowhere by default.
  init(
    _ pattern: String,
    _ arguments: [String] = [],
    _ backend: Backend,
    environment: [String] = [],
    listening: [Int32] = [],
    closesOutput: Bool = false,
    prelude: String? = nil,
    program: String = ServerProcess.path,
    log: String = "/dev/null"
  ) throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    output = ends[0]
    var line: [Int32] = [0, 0]
    try #require(pipe(&line) == 0)
    for end in line { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    lifeline = line[1]
    var words = [program, "--pattern", pattern, "--backend", backend.rawValue] + arguments
    // The variable has to name the process itself, which is the shell's.
    let passing = listening.isEmpty ? nil : "export LISTEN_FDS=\(listening.count) LISTEN_PID=$$"
    let preludes = [prelude, passing, closesOutput ? "exec 1>&- 2>&-" : nil].compactMap { $0 }
    if !preludes.isEmpty {
      let prelude = preludes.joined(separator: "; ")
      words = ["/bin/sh", "-c", "\(prelude); exec \"$@\"", "sh"] + words
    }
    do {
      // Kept open here, they would hide the fixture's end.
      defer { for end in [line[0], ends[1]] { close(end) } }
      number = try ServerProcess.spawn(words, environment, [line[0], ends[1]], log, listening)
    }
    do {
      if closesOutput {
        address = try ListeningSockets.address(of: try #require(listening.first))
        return
      }
      let line = try ServerProcess.line(from: output)
      guard line.hasPrefix("listening on ") else {
        throw ServerProcessError(description: "the server said “\(line)”")
      }
      address = try SocketAddress(String(line.dropFirst("listening on ".count).prefix { !$0.isWhitespace }))
    } catch {
      kill(-number, SIGKILL)
      waitpid(number, nil, 0)
      close(output)
      close(lifeline)
      throw error
    }
  }

  deinit {
    if !isReaped {
      kill(-number, SIGKILL)
      waitpid(number, nil, 0)
    }
    close(output)
    close(lifeline)
  }

  /// Waits until the processes that it has started are as they should be.
  func expectChildren(_ what: Comment, _ condition: (Set<pid_t>) -> Bool) async {
    let isMet = await Patience.until(seconds: 20) { condition(children) }
    #expect(isMet, "\(what): \(children)")
  }

  /// The fixture, or what it says when it does not start.
  static func tryStarting(
    _ pattern: String,
    _ arguments: [String],
    _ backend: Backend,
    listening: [Int32] = [],
    prelude: String? = nil
  ) -> Result<ServerProcess, ServerProcessError> {
    let log = "/tmp/gyre-refusal-\(getpid())"
    defer { unlink(log) }
    do {
      return .success(
        try ServerProcess(pattern, arguments, backend, listening: listening, prelude: prelude, log: log)
      )
    } catch {
      return .failure(ServerProcessError(description: contents(of: log)))
    }
  }

  func signal(_ signal: Int32) { kill(number, signal) }

  /// To the process and all that it started.
  func signalGroup(_ signal: Int32) { kill(-number, signal) }

  /// Changes how many files the process may have open. `prlimit(1)`
  func limitDescriptors(to count: Int) async throws {
    let words = ["prlimit", "--pid", "\(number)", "--nofile=\(count):"]
    // Copies that live until the call returns, as it demands.
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for case let copy? in arguments { free(copy) } }
    var tool: pid_t = 0
    try #require(posix_spawnp(&tool, words[0], nil, nil, arguments, environ) == 0)
    var status: Int32 = 0
    while waitpid(tool, &status, 0) < 0 && errno == EINTR {}
    try #require(status == 0)
  }

  /// The process's open descriptor of the highest number.
  var highestDescriptor: Int { ServerProcess.entries(of: "/proc/\(number)/fd").compactMap(Int.init).max() ?? -1 }

  /// Waits for the process's end, which is bounded: its exit status, or 128 and the signal that ended it.
  func ending() throws -> Int32 {
    var status: Int32 = 0
    isReaped = Patience.blocking(seconds: 20) { waitpid(number, &status, WNOHANG) == number }
    guard isReaped else { throw ServerProcessError(description: "the server does not end") }
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// The processes that it started. Not by its threads' lists: a child moves to another one's when its thread ends. proc(5)
  var children: Set<pid_t> { ServerProcess.children(of: number) }

  static func children(of process: pid_t) -> Set<pid_t> {
    Set(entries(of: "/proc").compactMap { pid_t($0) }.filter { parent(of: $0) == process })
  }

  /// Whether a set of a process's main thread has a signal: `SigBlk`, `SigIgn` or `SigCgt`. proc(5)
  static func has(_ signal: Int32, in set: String, of process: pid_t) throws -> Bool {
    let line = contents(of: "/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix(set + ":") }
    let mask = try #require(line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }, "\(set) of \(process)")
    return mask >> UInt64(signal - 1) & 1 == 1
  }

  private static func parent(of process: pid_t) -> pid_t? {
    // The name before it, in parentheses, may hold anything.
    let fields = contents(of: "/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ")
    return fields.flatMap { $0.count > 1 ? pid_t($0[1]) : nil }
  }

  // MARK: Starting

  static let path: String = {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    let program = String(decoding: path.prefix(max(count, 0)), as: UTF8.self)
    return program.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/gyre-server-fixture"
  }()

  private static func spawn(
    _ words: [String],
    _ environment: [String],
    _ streams: [Int32],
    _ log: String,
    _ listening: [Int32]
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, streams[0], STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, streams[1], STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    // Copies of high numbers, so that none is overwritten before it is passed.
    let passed = listening.map { fcntl($0, F_DUPFD_CLOEXEC, 100) }
    defer { for copy in passed { close(copy) } }
    for (index, copy) in passed.enumerated() { posix_spawn_file_actions_adddup2(&actions, copy, 3 + Int32(index)) }
    // What other tests have left open is no business of the fixture's, whose descriptors are counted.
    _ = gyre_close_from(&actions, 3 + Int32(passed.count))
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Whoever runs the tests may ignore it, and a shell leaves what was ignored before it.
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
    let inherited = ["LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS"].compactMap { (name: String) in
      getenv(name).map { "\(name)=\(String(cString: $0))" }
    }
    // Copies that live until the call returns, as it demands; each list ends with a nil.
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    let variables: [UnsafeMutablePointer<CChar>?] = (inherited + environment).map { strdup($0) } + [nil]
    defer { for case let copy? in arguments + variables { free(copy) } }
    var number: pid_t = 0
    let result = posix_spawn(&number, words[0], &actions, &attributes, arguments, variables)
    try #require(result == 0, "\(words[0]): \(Errno(rawValue: result))")
    return number
  }

  private static func line(from descriptor: Int32) throws -> String {
    var bytes: [UInt8] = []
    while !bytes.contains(UInt8(ascii: "\n")) {
      var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      try #require(poll(&readable, 1, Patience.pollTimeout(seconds: 20)) == 1, "the server does not listen")
      var part = [UInt8](repeating: 0, count: 4096)
      let count = read(descriptor, &part, part.count)
      guard count > 0 else { break }
      bytes += part[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func entries(of directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.filter { $0.first != "." }
  }

  static func contents(of path: String) -> String { String(decoding: bytes(of: path), as: UTF8.self) }

  static func bytes(of path: String) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(file, &bytes, bytes.count)
    return Array(bytes.prefix(max(count, 0)))
  }
}

struct ServerProcessError: Error, CustomStringConvertible {
  let description: String
}
