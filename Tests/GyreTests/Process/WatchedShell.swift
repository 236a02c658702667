import CLiburing
import Glibc
import Testing

@testable import Gyre

// @unchecked: `writer` is changed by `letGo` alone, which one task calls once.
/// A shell that runs a script, watched as a forked child is.
final class WatchedShell: @unchecked Sendable {
  let processID: pid_t
  private let child: ForkedChild
  /// What the script reads from; -1 if it reads nothing.
  private var writer: Int32 = -1

  init(_ script: String, on loop: EventLoop, input: Bool) throws {
    var ends: [Int32] = [-1, -1]
    if input { try #require(pipe(&ends) == 0) }
    if input { _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC) }
    writer = ends[1]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if input { posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) }
    // Copies that live until the call returns, as it demands.
    let words: [UnsafeMutablePointer<CChar>?] = ["sh", "-c", script].map { (word: String) in strdup(word) } + [nil]
    defer { for case let word? in words { free(word) } }
    var number: pid_t = 0
    try #require(posix_spawn(&number, "/bin/sh", &actions, nil, words, environ) == 0)
    if input { close(ends[0]) }
    processID = number
    child = try ForkedChild(watching: number, forkDuration: .zero, on: loop)
  }

  /// Lets a script that reads a line go on.
  func letGo() {
    close(writer)
    writer = -1
  }

  /// Whether a task waits for its end. On the loop's thread.
  var isAwaited: Bool { child.watch.onLoop.isAwaited }

  func exit() async throws -> ProcessExit { try await child.exit() }
}
