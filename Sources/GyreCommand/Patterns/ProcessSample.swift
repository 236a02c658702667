import Glibc

/// What the kernel says of a process and its descendants at one moment. `proc(5)`
struct ProcessSample {
  struct Thread {
    /// Nanoseconds on a processor. `/proc/PID/task/TID/schedstat`
    let cpu: Int
    /// Times that it gave the processor away or lost it.
    let switches: Int
  }

  /// The processes, each with its threads.
  private(set) var processes: [Int32: [Int32: Thread]] = [:]
  /// Bytes that one process alone has, summed. `/proc/PID/smaps_rollup`
  private(set) var privateBytes = 0
  /// Bytes that several share, each counted once: the largest of the processes' figures.
  private(set) var sharedBytes = 0

  init(tree root: Int32) { add(root) }

  var threadCount: Int { processes.values.reduce(0) { $0 + $1.count } }

  /// Nanoseconds on a processor since an earlier sample, of the threads that live now.
  func cpu(since earlier: ProcessSample) -> Int { difference(earlier, \.cpu) }

  /// Context switches since an earlier sample, of the threads that live now.
  func switches(since earlier: ProcessSample) -> Int { difference(earlier, \.switches) }

  private func difference(_ earlier: ProcessSample, _ value: KeyPath<Thread, Int>) -> Int {
    processes.reduce(0) { sum, process in
      process.value.reduce(sum) { sum, thread in
        sum + thread.value[keyPath: value] - (earlier.processes[process.key]?[thread.key]?[keyPath: value] ?? 0)
      }
    }
  }

  // MARK: Reading

  private mutating func add(_ process: Int32) {
    let directory = "/proc/\(process)/task"
    var threads: [Int32: Thread] = [:]
    var children: [Int32] = []
    for name in ProcessSample.entries(of: directory) {
      guard let number = Int32(name), let status = ProcStatus.contents(of: "\(directory)/\(name)/status") else {
        continue
      }
      let times = ProcStatus.contents(of: "\(directory)/\(name)/schedstat")?.split(separator: " ") ?? []
      let switches = ProcessSample.sum(of: ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"], in: status)
      threads[number] = Thread(cpu: times.first.flatMap { Int($0) } ?? 0, switches: switches)
      let text = ProcStatus.contents(of: "\(directory)/\(name)/children") ?? ""
      children += text.split(separator: " ").compactMap { Int32($0) }
    }
    guard !threads.isEmpty else { return }
    processes[process] = threads
    addMemory(of: process)
    for child in children { add(child) }
  }

  private mutating func addMemory(of process: Int32) {
    guard let text = ProcStatus.contents(of: "/proc/\(process)/smaps_rollup") else { return }
    privateBytes += ProcessSample.sum(of: ["Private_Clean", "Private_Dirty"], in: text) * 1024
    sharedBytes = max(sharedBytes, ProcessSample.sum(of: ["Shared_Clean", "Shared_Dirty"], in: text) * 1024)
  }

  /// The numbers of lines such as `Private_Dirty:  123 kB`, summed.
  private static func sum(of names: Set<Substring>, in text: String) -> Int {
    text.split(separator: "\n").reduce(0) { sum, line in
      let parts = line.split(whereSeparator: { $0 == ":" || $0.isWhitespace })
      guard parts.count >= 2, names.contains(parts[0]) else { return sum }
      return sum + (Int(parts[1]) ?? 0)
    }
  }

  private static func entries(of directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }
}
