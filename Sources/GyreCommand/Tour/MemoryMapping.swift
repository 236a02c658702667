/// What the kernel says of one mapping of this process's memory. `proc_pid_smaps(5)`
struct MemoryMapping: Equatable {
  /// Bytes in pages that only this process has: `Private_Dirty`, `Private_Clean`.
  var own = 0
  /// Bytes in pages that others have too: `Shared_Dirty`, `Shared_Clean`.
  var shared = 0

  static func read(at address: UnsafeMutableRawPointer) -> MemoryMapping {
    let text = ProcStatus.contents(of: "/proc/self/smaps") ?? ""
    return MemoryMapping(text: text, address: UInt(bitPattern: address))
  }

  /// - Parameter text: of all mappings: a line with the addresses, and lines of numbers after it.
  init(text: String, address: UInt) {
    var isInside = false
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if let range = MemoryMapping.range(words[0]) {
        isInside = range.contains(address)
      } else if isInside, words.count >= 2, let kilobytes = Int(words[1]) {
        add(kilobytes * 1024, to: words[0])
      }
    }
  }

  private mutating func add(_ bytes: Int, to name: Substring) {
    switch name {
    case "Private_Dirty:", "Private_Clean:": own += bytes
    case "Shared_Dirty:", "Shared_Clean:": shared += bytes
    default: break
    }
  }

  private static func range(_ word: Substring) -> Range<UInt>? {
    let ends = word.split(separator: "-").map { UInt($0, radix: 16) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
    return first..<last
  }
}
