import Foundation

@testable import Gyre

/// Queues so small that everything which can fill up does. `GYRE_TEST_QUEUES=SQ,CQ,BUFFERS`, for example `1,4,1`, runs the
/// whole suite with them.
struct TinyQueues {
  let submissions: UInt32
  let completions: UInt32
  let buffers: Int

  static let fromEnvironment: TinyQueues? = {
    guard let text = ProcessInfo.processInfo.environment["GYRE_TEST_QUEUES"] else { return nil }
    let numbers = text.split(separator: ",").compactMap { UInt32($0) }
    precondition(numbers.count == 3, "GYRE_TEST_QUEUES is “\(text)”: use three numbers, as in 1,4,1")
    return TinyQueues(submissions: numbers[0], completions: numbers[1], buffers: Int(numbers[2]))
  }()

  func apply(to configuration: inout EventLoop.Configuration) {
    configuration.ring = Ring.Size(submissions: submissions, completions: completions)
    configuration.bufferCount = buffers
  }
}
