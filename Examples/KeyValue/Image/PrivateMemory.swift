import Glibc

/// What a process has of memory that it shares with no other process.
enum PrivateMemory {
  /// KiB of pages that were written to and belong to this process alone; `nil` where the kernel does not tell.
  /// `/proc/PID/smaps_rollup`, `proc(5)`
  static func dirty(ofProcess process: Int32) -> Int? {
    let file = open("/proc/\(process)/smaps_rollup", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    let line = lines.first { $0.hasPrefix("Private_Dirty:") }
    return line.flatMap { line in line.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
  }
}
