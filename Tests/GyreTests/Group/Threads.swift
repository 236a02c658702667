import Foundation

/// The process's threads. `/proc/self/task`
enum Threads {
  static var names: [String] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return tasks.compactMap { try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8) }
  }

  static func count(named prefix: String) -> Int { names.count { $0.hasPrefix(prefix) } }
}
