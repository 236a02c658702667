import Glibc

/// A small file of the kernel's about a process. `proc(5)`
enum ProcessFile {
  /// The beginning of its text; `nil` if it cannot be read.
  static func text(_ name: String, ofProcess process: Int32) -> String? {
    let file = open("/proc/\(process)/\(name)", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
