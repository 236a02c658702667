import Glibc
import Gyre

/// A running `gyre pattern-server`. `posix_spawn(3)`
final class PatternServer {
  let address: SocketAddress
  private let process: pid_t
  private let output: Int32

  /// Starts it and waits until it listens.
  ///
  /// - Throws: `PatternError` if it cannot be started, ends, or does not listen within a minute.
  init(_ pattern: PatternName, workers: Int, connections: Int, _ backend: BackendChoice) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw PatternError("no pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[1]) }
    output = ends[0]
    let arguments = [
      "gyre", "pattern-server", "--pattern", pattern.rawValue, "--workers", "\(workers)", "--connections",
      "\(connections)", "--backend", backend.rawValue,
    ]
    do {
      process = try PatternServer.spawn(arguments, output: ends[1])
    } catch {
      close(output)
      throw error
    }
    do {
      address = try PatternServer.address(from: output)
    } catch {
      PatternServer.end(process)
      close(output)
      throw error
    }
  }

  deinit {
    PatternServer.end(process)
    close(output)
  }

  /// The server's processes and threads now.
  func sample() -> ProcessSample { ProcessSample(tree: process) }

  // MARK: Starting and ending

  private static func spawn(_ arguments: [String], output: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    // What a server says of its crash is expected.
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    // Copies that live until the call returns, as it demands.
    let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for case let word? in words { free(word) } }
    var process: pid_t = 0
    let result = posix_spawn(&process, "/proc/self/exe", &actions, nil, words, environ)
    guard result == 0 else { throw PatternError("no server process: \(String(cString: strerror(result)))") }
    return process
  }

  /// What a server that starts says. The end of its output is the proof that it does not; time is none on a slow machine.
  static func address(from output: Int32, patience: Duration = .seconds(60)) throws -> SocketAddress {
    let prefix = "listening on "
    let end = ContinuousClock.now + patience
    var line = ""
    while line.last != "\n" {
      var readable = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let milliseconds = max((end - .now) / .milliseconds(1), 0).rounded(.up)
      let ready = poll(&readable, 1, Int32(clamping: Int(milliseconds)))
      if ready < 0 && errno == EINTR { continue }
      if ready == 0 { throw PatternError("the server does not listen after \(patience)") }
      var part = [UInt8](repeating: 0, count: 256)
      let count = read(output, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw PatternError("the server ended before it listened; `gyre doctor` says what this machine allows")
      }
      line += String(decoding: part[..<count], as: UTF8.self)
    }
    return try SocketAddress(String(line.dropFirst(prefix.count).prefix { !$0.isWhitespace }))
  }

  /// Drains it; its workers end with it. One that does not end is killed.
  private static func end(_ process: pid_t) {
    kill(process, SIGTERM)
    for _ in 0..<300 {
      if waitpid(process, nil, WNOHANG) != 0 { return }
      usleep(10_000)
    }
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
  }
}
