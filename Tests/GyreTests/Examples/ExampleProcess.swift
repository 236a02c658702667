import Glibc
import Gyre
import Testing

/// A process of an example's program, with one of its outputs.
///
/// `posix_spawn(3)` and not Foundation's `Process`, of which LeakSanitizer finds something left.
final class ExampleProcess {
  private let number: pid_t
  private let output: Int32
  private var isReaped = false

  /// - Parameters:
  ///   - name: the program, which the package manager puts beside the tests, or else its path.
  ///   - descriptor: which output to read, `STDOUT_FILENO` or `STDERR_FILENO`; the other goes nowhere.
  ///   - prelude: what a shell does before it becomes the program.
  init(
    _ name: String,
    _ arguments: [String],
    _ backend: Backend,
    reading descriptor: Int32,
    prelude: String? = nil
  ) throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[1]) }
    output = ends[0]
    do {
      let path = name.hasPrefix("/") ? name : ExampleProcess.directory + "/" + name
      let shell = prelude.map { ["/bin/sh", "-c", "\($0); exec \"$@\"", "sh"] } ?? []
      number = try ExampleProcess.spawn(shell + [path] + arguments, backend) { actions in
        let other = descriptor == STDOUT_FILENO ? STDERR_FILENO : STDOUT_FILENO
        posix_spawn_file_actions_adddup2(&actions, ends[1], descriptor)
        posix_spawn_file_actions_addopen(&actions, other, "/dev/null", O_WRONLY, 0)
      }
    } catch {
      close(ends[0])
      throw error
    }
  }

  deinit {
    end()
    close(output)
  }

  /// Ends the process, if it has not ended by itself.
  func end() {
    guard !isReaped else { return }
    kill(number, SIGKILL)
    _ = wait()
  }

  /// Waits for the process's own end: its exit status, or 128 and the signal that ended it. One that does not end is killed.
  func wait() -> Int32 {
    var status: Int32 = 0
    if !Patience.blocking(seconds: 20, until: { waitpid(number, &status, WNOHANG) == number }) {
      Issue.record("the program does not end")
      kill(number, SIGKILL)
      waitpid(number, &status, 0)
    }
    isReaped = true
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }

  /// What the process writes, up to a line's end or to the end of its output; the wait for each part is bounded.
  func text(untilLineEnd: Bool) throws -> String {
    var bytes: [UInt8] = []
    while !untilLineEnd || !bytes.contains(UInt8(ascii: "\n")) {
      var readable = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let isReadable = poll(&readable, 1, Patience.pollTimeout(seconds: 20)) == 1
      try #require(isReadable, "no more comes after “\(String(decoding: bytes, as: UTF8.self))”")
      var part = [UInt8](repeating: 0, count: 4096)
      let count = read(output, &part, part.count)
      guard count > 0 else { break }
      bytes += part[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Starting

  private static let directory: String = {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count)
    let program = String(decoding: path.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return program.split(separator: "/").dropLast().map { "/" + $0 }.joined()
  }()

  private static func spawn(
    _ words: [String],
    _ backend: Backend,
    _ prepare: (inout posix_spawn_file_actions_t) -> Void
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    prepare(&actions)
    // Copies that live until the call returns, as it demands; each list ends with a nil.
    let strings: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    let variables: [UnsafeMutablePointer<CChar>?] = environment(backend).map { strdup($0) } + [nil]
    defer { for case let copy? in strings + variables { free(copy) } }
    var number: pid_t = 0
    let result = posix_spawn(&number, words[0], &actions, nil, strings, variables)
    try #require(result == 0, "\(words[0]): \(Errno(rawValue: result))")
    return number
  }

  /// What of this process's environment the program may need, and the backend.
  private static func environment(_ backend: Backend) -> [String] {
    let inherited = ["PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS"].compactMap { (name: String) in
      getenv(name).map { "\(name)=\(String(cString: $0))" }
    }
    return inherited + ["GYRE_BACKEND=\(backend.rawValue)"]
  }
}
