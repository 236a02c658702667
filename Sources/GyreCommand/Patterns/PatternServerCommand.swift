import ArgumentParser
import Glibc
import Gyre

/// `gyre pattern-server`: what `gyre patterns` measures, in processes of its own.
struct PatternServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pattern-server",
    abstract: "The server that `gyre patterns` starts.",
    shouldDisplay: false
  )

  @Option var pattern: PatternName
  @Option var workers: Int
  @Option var connections: Int
  @Option var backend = BackendChoice.automatic

  func run() throws {
    guard try ParentProcess.endWithIt(within: .seconds(2)) else { return }
    var options = Server.Options()
    options.loop.backend = backend
    options.drainTime = .milliseconds(200)
    // Where nobody reads it any more, its parent has gone, and it ends with it.
    options.onReady = { address in try? Output.say("listening on \(address)") }
    let server = try Server(
      address: .loopback(port: 0),
      pattern: pattern.pattern(workers: workers, connections: connections),
      options: options
    )
    // The server's loops have threads of their own; this one only waits.
    var waiting = EventLoop.Configuration(backend: .epoll)
    waiting.bufferCount = 1
    try EventLoop.run(waiting) {
      try await server.run(messages: .fixed(length: PatternMessage.length)) { PatternServerCommand.execute($0) }
    }
  }

  private static func execute(_ request: [UInt8]) -> [UInt8] {
    let thread = CurrentThread.number
    switch PatternMessage.kind(of: request) {
    case .answer: break
    case .compute: compute(milliseconds: 5)
    case .slow: if PatternMessage.thread(of: request) == thread { compute(milliseconds: 1) }
    case .abort:
      // Without the report of a crash, which takes longer than the crash.
      signal(SIGABRT, SIG_DFL)
      abort()
    }
    return PatternMessage.answer(process: getpid(), thread: thread)
  }

  /// Uses the processor for that long, by the thread's own clock: what others compute does not count.
  private static func compute(milliseconds: Int) {
    let end = processorTime() + milliseconds * 1_000_000
    while processorTime() < end {}
  }

  private static func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
