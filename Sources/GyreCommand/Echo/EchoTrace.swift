import ArgumentParser
import Glibc
import Gyre
import Synchronization

/// The hand-off trace of an echo server's next connections, on its way to a file.
final class EchoTrace: Sendable {
  private let trace: HandoffTrace
  private let path: String
  private let connections: Int
  /// Open from the start, so that a file which cannot be written is an error then; `nil` once it is written.
  private let file: Mutex<Int32?>

  /// - Throws: `ValidationError` if the file cannot be written.
  init(path: String, connections: Int) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw ValidationError("--trace: cannot write \(path): \(Errno(rawValue: errno))") }
    self.file = Mutex(file)
    self.path = path
    self.connections = connections
    trace = try HandoffTrace()
  }

  /// Traces what `listener` accepts next, and writes the file when the last of these connections is closed.
  func begin(_ listener: TCPListener) {
    listener.trace(to: trace, connections: connections) { Task.detached { self.write() } }
  }

  /// Writes what there is, once.
  func write() {
    let trace = trace
    let isJSON = path.hasSuffix(".json")
    let isWritten = file.withLock { file -> Bool in
      guard let number = file.take() else { return false }
      defer { close(number) }
      guard let error = Output.write(isJSON ? trace.chromeTrace : trace.text, to: number) else { return true }
      Output.note("the trace cannot be written: \(error)")
      return false
    }
    guard isWritten else { return }
    let count = trace.connections
    let opener = isJSON ? ": open it at ui.perfetto.dev" : ""
    let line = "trace of \(count) connection\(count == 1 ? "" : "s") in \(path)\(opener)"
    do {
      try Output.say(line)
    } catch {
      // The file is there all the same, and the server serves on.
      Output.note("\(error)")
    }
  }
}
