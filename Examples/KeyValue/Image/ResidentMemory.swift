import Glibc

/// What of this process is in memory, shared pages included.
enum ResidentMemory {
  /// Bytes; `nil` where the kernel does not tell. `/proc/PID/statm`
  static var bytes: Int? {
    let words = ProcessFile.text("statm", ofProcess: getpid())?.split(separator: " ") ?? []
    return words.count > 1 ? Int(words[1]).map { $0 * Int(getpagesize()) } : nil
  }
}
