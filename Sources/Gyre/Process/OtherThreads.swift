import CLiburing
import Glibc

/// The threads of this process beside the calling one.
enum OtherThreads {
  /// Their names. The kernel's own workers for io_uring are left out: they run no code of the program and hold none of its
  /// locks. `proc(5)`
  static func names() -> [String] {
    var names: [String] = []
    guard let directory = opendir("/proc/self/task") else { return ["unknown: /proc is not there"] }
    defer { closedir(directory) }
    let own = "\(gyre_thread_number())"
    while let entry = readdir(directory) {
      let number = withUnsafeBytes(of: &entry.pointee.d_name) { name in
        String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
      }
      if number.hasPrefix(".") || number == own { continue }
      let name = name(of: number)
      if !name.hasPrefix("iou-wrk-") && !name.hasPrefix("iou-sqp-") { names.append(name) }
    }
    return names
  }

  private static func name(of thread: String) -> String {
    let file = open("/proc/self/task/\(thread)/comm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return thread }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}
