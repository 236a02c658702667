// What tasks and timers cost on an event loop and on the stock executor. `scripts/bench suspend timers` runs it for each
// variant in turn; a process has one default executor, so one run is one measurement:
//
//   swift build -c release --static-swift-stdlib --product executor-bench
//   .build/release/executor-bench MEASUREMENT      nanoseconds each, as JSON

import Glibc

if CommandLine.arguments.count == 2, let measurement = Measurement(rawValue: CommandLine.arguments[1]) {
  print(try measurement.run().json)
} else {
  print("measurements: \(Measurement.allCases.map(\.rawValue).joined(separator: " "))")
  exit(2)
}
