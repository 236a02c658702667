import Glibc
import Gyre

/// A process that a chapter starts, mostly this program again. It ends when nobody refers to it any more.
final class OwnProcess {
  private let pid: pid_t
  private let input: Int32
  private let output: Int32
  private var read: [UInt8] = []
  private var hasEnded = false

  /// Milliseconds that its next line may take.
  private static let patience: Int32 = 60_000

  /// This program's file. `proc_pid_exe(5)`
  static var program: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count)
    return String(decoding: path.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Starts this program.
  convenience init(_ arguments: String...) throws { try self.init(program: "/proc/self/exe", ["gyre"] + arguments) }

  /// Starts a program with its input and output connected to this process; its input ends with this object. `posix_spawn(3)`
  ///
  /// - Parameter arguments: the first is the program's name.
  init(program: String, _ arguments: [String]) throws {
    let (inner, outer) = try (OwnProcess.pipe(), OwnProcess.pipe())
    defer { for end in [inner.read, outer.write] { close(end) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, inner.read, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, outer.write, STDOUT_FILENO)
    var pid = pid_t()
    let words = arguments.map { strdup($0) }
    defer { for word in words { free(word) } }
    // The words live until the call has returned, which copies them.
    let result = posix_spawn(&pid, program, &actions, nil, words + [nil], environ)
    (self.pid, input, output) = (pid, inner.write, outer.read)
    guard result == 0 else {
      hasEnded = true
      for end in [input, output] { close(end) }
      throw TourError("\(arguments[0]) cannot be started: \(Errno(rawValue: result))")
    }
  }

  deinit { end() }

  /// Ends it.
  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    // What a tracer traces ends with its input, and then the tracer.
    close(input)
    while (try? readMore()) == true {}
    close(output)
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// The next line that it prints.
  func line() throws -> String {
    while true {
      if let end = read.firstIndex(of: UInt8(ascii: "\n")) {
        defer { read.removeSubrange(...end) }
        return String(decoding: read[..<end], as: UTF8.self)
      }
      guard try readMore() else { throw TourError("a process that was started ended without a word") }
    }
  }

  /// Everything that it prints until its end.
  func rest() throws -> [UInt8] {
    while try readMore() {}
    end()
    return read
  }

  private func readMore() throws -> Bool {
    var readable = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    guard poll(&readable, 1, OwnProcess.patience) == 1 else {
      throw TourError("a process that was started says nothing")
    }
    var part = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(output, &part, part.count)
    read += part[..<max(count, 0)]
    return count > 0
  }

  /// Both ends close by themselves in processes that are started, the standard streams aside.
  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard Glibc.pipe(&ends) == 0 else { throw TourError("no pipe: \(Errno(rawValue: errno))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
