import Glibc
import Gyre

/// The system calls of a server for one request after the other, as `strace(1)` sees them.
struct SystemCallTrace {
  /// The server whose calls are seen.
  let server: OwnProcess
  let port: UInt16
  private let file: String

  /// The tracer's path; `nil` if it is not installed.
  static var tracer: String? {
    let directories = getenv("PATH").map { String(cString: $0) } ?? ""
    return directories.split(separator: ":").map { "\($0)/strace" }.first { access($0, X_OK) == 0 }
  }

  /// Starts a server under the tracer.
  ///
  /// - Throws: `TourError` if it does not come up, as where a process may not trace another.
  init(tracer: String, _ backend: Backend) throws {
    var path = Array("/tmp/gyre-tour-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    guard descriptor >= 0 else { throw TourError("no file in /tmp: \(Errno(rawValue: errno))") }
    close(descriptor)
    file = String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let arguments = [
      "strace", "-f", "-qq", "-o", file, OwnProcess.program, "tour-process", "server", "--backend", backend.rawValue,
    ]
    do {
      server = try OwnProcess(program: tracer, arguments)
      port = try TourServer.port(saidBy: server)
    } catch {
      unlink(file)
      throw error
    }
  }

  /// Forgets what was seen.
  func end() { unlink(file) }

  /// The calls that the server makes while `body` runs and settles afterwards.
  func calls(during body: () async throws -> Void) async throws -> [SystemCall] {
    let before = try await settled()
    try await body()
    let text = try await settled()
    return text.utf8.dropFirst(before.utf8.count).split(separator: UInt8(ascii: "\n"))
      .compactMap { SystemCall(line: String(Substring($0))) }
  }

  /// All that was seen, once it stays the same for a while: what follows an answer comes after it.
  private func settled() async throws -> String {
    var (text, same) = ("", 0)
    try await Tour.wait(for: "a server at rest") {
      let now = ProcStatus.contents(of: file) ?? ""
      same = now == text ? same + 1 : 0
      text = now
      return same >= 20 && !now.isEmpty
    }
    return text
  }
}

/// A system call as the tracer writes it.
struct SystemCall: Equatable {
  let name: String
  /// The name of the error that it ended with.
  let error: String?

  init(name: String, error: String? = nil) {
    self.name = name
    self.error = error
  }

  /// Reads `PID name(…) = result`; a call that was interrupted by another thread's has a second line, which is passed over
  /// here, as signals and exits are.
  init?(line: String) {
    let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
    guard words.count == 2, let end = words[1].firstIndex(of: "(") else { return nil }
    let name = words[1][..<end].drop { $0 == " " }
    guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else { return nil }
    let result = line.split(separator: " ").suffix(while: { $0 != "=" })
    let error = result.count > 1 && result.first == "-1" ? result.dropFirst().first.map(String.init) : nil
    self.init(name: String(name), error: error)
  }

  var text: String { error.map { "\(name) (\($0))" } ?? name }
}

extension Array where Element == Substring {
  /// The elements behind the last one that `isInside` does not hold for.
  fileprivate func suffix(while isInside: (Substring) -> Bool) -> ArraySlice<Substring> {
    self[(lastIndex { !isInside($0) }.map { $0 + 1 } ?? startIndex)...]
  }
}
