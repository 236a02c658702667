import Glibc

/// The process's open descriptors. `/proc/self/fd`
enum OpenDescriptors {
  /// All but timers, of which Gyre has none and the stock executor opens one when it first needs it, and a sanitizer's pipes:
  /// it starts a program that names functions when it first has a report, or one that is suppressed.
  static func list() -> Set<Int32> {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var numbers: Set<Int32> = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let number = Int32(name), number != dirfd(directory) { numbers.insert(number) }
    }
    return numbers.filter { number in
      let target = target(of: number)
      return !target.hasSuffix("[timerfd]") && !(Sanitizer.isOn && target.hasPrefix("pipe:"))
    }
  }

  /// The number and what is open there.
  static func describe(_ number: Int32) -> String { "\(number) → \(target(of: number))" }

  private static func target(of number: Int32) -> String {
    String(unsafeUninitializedCapacity: 256) { bytes in
      bytes.withMemoryRebound(to: CChar.self) { max(readlink("/proc/self/fd/\(number)", $0.baseAddress!, $0.count), 0) }
    }
  }
}
