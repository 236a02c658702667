import Foundation

/// Measurements against a reference, alternating, as the median of the ratios of neighbours.
struct Comparison {
  let title: String
  let measurement: Measurement
  let reference: Measurement
  let rounds: Int

  static let all = [
    Comparison(
      title: "suspend and resume, loop / bare executor",
      measurement: .resumePreferred,
      reference: .resumeBare,
      rounds: 7
    ),
    Comparison(
      title: "suspend and resume, whole program / bare executor",
      measurement: .resumeWholeProgram,
      reference: .resumeBare,
      rounds: 7
    ),
    Comparison(
      title: "timers, loop.sleep / stock Task.sleep",
      measurement: .timersOfTheLoop,
      reference: .timersOfTheStockExecutor,
      rounds: 1
    ),
    Comparison(
      title: "timers, Task.sleep on Gyre / stock Task.sleep",
      measurement: .timersOfTaskSleep,
      reference: .timersOfTheStockExecutor,
      rounds: 1
    ),
  ]

  static func runAll() throws {
    for comparison in all { try comparison.run() }
  }

  private func run() throws {
    var pairs: [(ours: Double, theirs: Double)] = []
    for _ in 0..<rounds { pairs.append((try Comparison.time(measurement), try Comparison.time(reference))) }
    let text = [
      title, Comparison.median(pairs.map { $0.ours }), Comparison.median(pairs.map { $0.theirs }),
      Comparison.median(pairs.map { $0.ours / $0.theirs }),
    ].map { ($0 as? Double).map { String(format: "%.2f", $0) } ?? "\($0)" }
    print("\(text[0]): \(text[1]) ns / \(text[2]) ns = \(text[3])")
  }

  private static func time(_ measurement: Measurement) throws -> Double {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [measurement.rawValue]
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .nan
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
