import Glibc
import Gyre

/// What a program of the suite says of itself, `name=value` a line.
struct FactSheet {
  private let facts: [String: String]
  let status: Int32

  /// Runs a program that was built beside the tests to its end.
  init(of program: String, _ arguments: String..., backend: Backend) throws {
    let process = try ExampleProcess(program, arguments, backend, reading: STDOUT_FILENO)
    let text = try process.text(untilLineEnd: false)
    status = process.wait()
    let pairs = text.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
    facts = Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { $1 }
  }

  subscript(name: String) -> String? { facts[name] }
}
