import Foundation
import Glibc
import Testing

@testable import Gyre

// @unchecked: a test uses it from one task at a time.
/// A terminal that nobody sees: what a program paints on it can be read, and keys can be typed. `pty(7)`
final class PseudoTerminal: @unchecked Sendable {
  /// A program that runs on it.
  struct Program: Sendable {
    fileprivate let process: Process
    fileprivate let ended: DispatchSemaphore

    var status: Int32 { process.terminationStatus }

    /// Waits for its end.
    func end() async throws {
      let ended = ended
      let limit = DispatchTime.now() + Patience.seconds(10) / .seconds(1)
      let isOver = await withCheckedContinuation { continuation in
        Foundation.Thread.detachNewThread { continuation.resume(returning: ended.wait(timeout: limit)) }
      }
      try #require(isOver == .success, "the program does not end")
    }
  }

  /// `TIOCSPTLCK` and `TIOCGPTN`, whose macros Swift cannot read. `ioctl_tty(2)`
  private static let setLock: UInt = 0x4004_5431
  private static let getNumber: UInt = 0x8004_5430

  private let user: Int32
  private let program: Int32
  private var programs: [Process] = []

  init(columns: UInt16, lines: UInt16) throws {
    user = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (unlocked, number): (Int32, Int32) = (0, 0)
    try #require(ioctl(user, PseudoTerminal.setLock, &unlocked) == 0)
    try #require(ioctl(user, PseudoTerminal.getNumber, &number) == 0)
    program = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(program >= 0)
    var size = winsize(ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(user, UInt(TIOCSWINSZ), &size) == 0)
  }

  deinit {
    for process in programs where process.isRunning { kill(process.processIdentifier, SIGKILL) }
    close(user)
    close(program)
  }

  /// The terminal's settings of how input is handed over. `termios(3)`
  var localFlags: tcflag_t {
    var settings = termios()
    #expect(tcgetattr(program, &settings) == 0)
    return settings.c_lflag
  }

  /// Starts `gyre` with arguments, in a session whose terminal this is.
  func start(_ arguments: String...) throws -> Program {
    let process = Process()
    let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    // Makes this its terminal, without which Ctrl-C is no signal. `setsid(1)`
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setsid")
    process.arguments = ["--ctty", "--wait", directory.appendingPathComponent("gyre").path] + arguments
    process.environment = ["TERM": "xterm-256color"]
    process.standardInput = FileHandle(fileDescriptor: program)
    process.standardOutput = FileHandle(fileDescriptor: program)
    process.standardError = FileHandle(fileDescriptor: program)
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    programs.append(process)
    return Program(process: process, ended: ended)
  }

  func type(_ text: String) { #expect(write(user, text, text.utf8.count) == text.utf8.count) }

  /// What is painted, up to and with a text.
  func text(until end: String) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      Foundation.Thread.detachNewThread { continuation.resume(with: Result { try self.read(until: end) }) }
    }
  }

  private func read(until end: String) throws -> String {
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if text.contains(end) { return text }
      var readable = pollfd(fd: user, events: Int16(POLLIN), revents: 0)
      let isReadable = poll(&readable, 1, Patience.pollTimeout(seconds: 10)) == 1
      try #require(isReadable, "the program painted “\(text)” and no more")
      let count = Glibc.read(user, &part, part.count)
      try #require(count > 0)
      bytes += part[..<count]
    }
  }
}
