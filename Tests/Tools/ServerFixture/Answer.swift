import Glibc
import Gyre

/// What the fixture says to a line.
enum Answer {
  static func to(_ words: [Substring]) async throws -> [UInt8] {
    switch words.first {
    case "who": return text("\(getpid()) \(thread())")
    case "variable": return text(getenv("GYRE_WORKER").map { String(cString: $0) } ?? "none")
    case "helper": return text(Helper.descriptors)
    case "broken": return text(writeToBrokenPipe())
    case "second": return text(await secondServer())
    case "abort": abort()
    case "exhaust": return text("\(exhaust())")
    case "work":
      work(milliseconds: words.count > 1 ? Int(words[1]) ?? 0 : 0)
      return text("worked")
    case "hold":
      hold(while: String(words[1]))
      return text("let go")
    default: return text(words.joined(separator: " "))
    }
  }

  static func log(_ line: String) { _ = write(STDERR_FILENO, line, line.utf8.count) }

  /// What comes of another server in this program.
  static func secondServer() async -> String {
    do {
      try await Server(address: .loopback(port: 0), pattern: .multiProcess(workers: 1, accept: .reusePort)).run { _ in }
      return "served"
    } catch {
      return "\(error)"
    }
  }

  /// The calling thread, as proc(5) names it.
  private static func thread() -> String {
    var path = [UInt8](repeating: 0, count: 64)
    let count = path.withUnsafeMutableBytes { readlink("/proc/thread-self", $0.baseAddress!, $0.count) }
    return String(decoding: path.prefix(max(count, 0)), as: UTF8.self)
  }

  private static func text(_ line: String) -> [UInt8] { Array("\(line)\n".utf8) }

  /// What comes of writing to a pipe that nobody reads, unless it ends the process. `pipe(7)`
  private static func writeToBrokenPipe() -> String {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return "no pipe" }
    close(ends[0])
    let count = write(ends[1], "x", 1)
    let isBroken = count < 0 && errno == EPIPE
    close(ends[1])
    return isBroken ? "EPIPE" : "\(count)"
  }

  /// Takes memory until there is none, within reason.
  private static func exhaust() -> Int {
    var taken: [[UInt8]] = []
    while taken.count < 2048 { taken.append([UInt8](repeating: 1, count: 1 << 20)) }
    return taken.reduce(0) { $0 + Int($1[$1.count / 2]) }
  }

  /// Keeps the thread while there is a file, and says so by another one.
  private static func hold(while file: String) {
    close(open(file + ".held", O_CREAT | O_WRONLY, 0o600))
    while access(file, F_OK) == 0 { usleep(1000) }
  }

  private static func work(milliseconds: Int) {
    let end = ContinuousClock.now + .milliseconds(milliseconds)
    while ContinuousClock.now < end {}
  }
}
