/// What a process has of memory that it shares with no other process.
enum PrivateMemory {
  /// KiB of pages that were written to and belong to this process alone; `nil` where the kernel does not tell. The kernel
  /// looks at every page, some milliseconds for a gigabyte. `/proc/PID/smaps_rollup`
  static func dirty(ofProcess process: Int32) -> Int? {
    let lines = ProcessFile.text("smaps_rollup", ofProcess: process)?.split(separator: "\n") ?? []
    let words = lines.first { $0.hasPrefix("Private_Dirty:") }?.split(separator: " ") ?? []
    return words.count > 1 ? Int(words[1]) : nil
  }
}
