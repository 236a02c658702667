// What tasks and timers cost on an event loop and on the stock executor, each measurement in a process of its own.
//
//   swift build -c release --static-swift-stdlib --product executor-bench
//   .build/release/executor-bench                  every comparison, alternating
//   .build/release/executor-bench MEASUREMENT      one measurement: nanoseconds of processor time each

import Glibc

if CommandLine.arguments.count > 1 {
  guard let measurement = Measurement(rawValue: CommandLine.arguments[1]) else {
    print("measurements: \(Measurement.allCases.map(\.rawValue).joined(separator: " "))")
    exit(2)
  }
  print(try measurement.run())
} else {
  try Comparison.runAll()
}
