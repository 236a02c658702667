import Glibc

/// What the kernel says about this process in `/proc/self/status`. `proc_pid_status(5)`
struct ProcStatus {
  private let fields: [Substring: Substring]

  init(text: String) {
    let lines = text.split(separator: "\n").map { $0.split(separator: ":", maxSplits: 1) }
    let pairs = lines.filter { $0.count == 2 }.map { ($0[0], $0[1].drop { $0 == "\t" || $0 == " " }) }
    fields = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  static func read() -> ProcStatus { ProcStatus(text: contents(of: "/proc/self/status") ?? "") }

  /// Whether a capability is in force, by its number in `capabilities(7)`.
  func hasCapability(_ number: UInt64) -> Bool {
    guard let text = fields["CapEff"], let capabilities = UInt64(text, radix: 16) else { return false }
    return capabilities & 1 << number != 0
  }

  /// Whether a seccomp filter is installed.
  var isFiltered: Bool { fields["Seccomp"] == "2" }

  /// The threads of the process.
  var threads: Int? { fields["Threads"].flatMap { Int($0) } }

  /// Whether users' numbers are mapped, as in a rootless container. Capabilities there are none towards the kernel's own
  /// limits. `user_namespaces(7)`
  static func isInUserNamespace() -> Bool {
    guard let map = contents(of: "/proc/self/uid_map") else { return false }
    return map.split(whereSeparator: \.isWhitespace) != ["0", "0", "4294967295"]
  }

  /// A small file's text; `nil` if it cannot be read.
  static func contents(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      // The call writes at most as many bytes as the array has.
      let count = part.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
      bytes += part[..<count]
    }
  }
}
