import ArgumentParser
import Glibc
import Gyre

/// A server for the tests: answers lines under any pattern, and can be made to fail.
@main
struct ServerFixture: AsyncParsableCommand {
  @Option var pattern: String
  @Option var number = 2
  @Option var port: UInt16 = 0
  @Option var drain = 5.0
  @Option var memory: Int?
  @Option var backend = "auto"
  @Option var children = ChildHandling.usual
  /// Seconds that a worker may take until it accepts.
  @Option var start: Double?
  /// Another server of several processes is run when this one is ready.
  @Flag var second = false
  /// A handshake ends with the client's first bytes, as if the client were far away.
  @Flag var deferred = false
  /// Every process starts a program before it serves.
  @Flag var helper = false
  /// A worker does not go on while this file exists.
  @Option var stall: String?
  /// A worker adds a line to this file some time after its server has drained.
  @Option var epilogue: String?
  /// The process that is started drains its server, and takes the file away, whenever this one is there.
  @Option var drainFile: String?

  func run() async throws {
    Lifeline.watch()
    children.apply()
    if helper { Helper.start() }
    while let stall, access(stall, F_OK) == 0 { usleep(5000) }
    var options = Server.Options()
    options.drainTime = .seconds(drain)
    if let start { options.workerStartTime = .seconds(start) }
    options.workerMemoryLimit = memory
    if deferred { options.listener.deferAccept = .seconds(30) }
    options.loop.backend = BackendChoice(rawValue: backend)!
    // Many of them on one machine, with few connections each.
    options.loop.bufferCount = 256
    options.onReady = { address in
      print("listening on \(address)")
      fflush(nil)
      if second { Task { Answer.log("second: \(await Answer.secondServer())\n") } }
    }
    let server = try Server(address: .loopback(port: port), pattern: executionPattern, options: options)
    if let drainFile, getenv("GYRE_WORKER") == nil { Task { try await drain(server, whenThereIs: drainFile) } }
    try await server.run(messages: .lines) { line in
      let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      if words.first == "drain" { server.drain() }
      return try await Answer.to(words)
    }
    if let epilogue { addLine(to: epilogue) }
  }

  private func addLine(to path: String) {
    usleep(300_000)
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    _ = write(file, "\n", 1)
    close(file)
  }

  private func drain(_ server: Server, whenThereIs file: String) async throws {
    while true {
      try await Task.sleep(for: .milliseconds(5))
      guard access(file, F_OK) == 0 else { continue }
      server.drain()
      unlink(file)
    }
  }

  private var executionPattern: ExecutionPattern {
    switch pattern {
    case "single": .singleThreaded
    case "processes-shared": .multiProcess(workers: number, accept: .sharedListener)
    case "processes-reuseport": .multiProcess(workers: number, accept: .reusePort)
    case "process-per-connection": .processPerConnection(limit: number)
    default: .multiThreaded(threads: number, accept: .init(rawValue: pattern)!)
    }
  }
}
