import Glibc
import Gyre

/// What a loop and its process hold at one moment.
struct Sample {
  let statistics: LoopStatistics
  let residentKilobytes: Int
  let descriptors: Int

  init(_ loop: EventLoop) {
    statistics = loop.currentStatistics
    residentKilobytes = Sample.residentKilobytes
    descriptors = Sample.descriptors
  }

  /// When no more is open and in flight than before, or after ten seconds: what was dropped is closed in the background, and the
  /// threads of loops that have ended let go of them a moment later.
  static func settled(_ loop: EventLoop, to before: Sample) async -> Sample {
    var sample = Sample(loop)
    for _ in 0..<1000 {
      if sample.descriptors <= before.descriptors && sample.inFlight <= before.inFlight { break }
      try? await loop.sleep(for: .milliseconds(10))
      sample = Sample(loop)
    }
    return sample
  }

  /// The main thread's loop always waits for the main queue.
  var inFlight: Int { statistics.operationsInFlight }

  static let header =
    "     time   operations   connects    cancels     others  resident KiB  descriptors  in flight  buffers  timers"

  func row(_ seconds: Int, _ tally: Tally) -> String {
    let columns = [
      ("\(seconds) s", 9), ("\(statistics.operations)", 13), ("\(tally.connects)", 11), ("\(tally.cancels)", 11),
      ("\(tally.others)", 11),
      ("\(residentKilobytes)", 14), ("\(descriptors)", 13), ("\(inFlight)", 11),
      ("\(statistics.buffersHeld)", 9), ("\(statistics.timers)", 8),
    ]
    return columns.map { String(repeating: " ", count: max(0, $1 - $0.count)) + $0 }.joined()
  }

  /// `/proc/self/statm`, the second number, in pages.
  private static var residentKilobytes: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (Int(text.split(separator: " ")[1]) ?? 0) * 4
  }

  private static var descriptors: Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }
}
