import Gyre
import Measuring

/// One thing that is measured, in a process of its own: a process has one default executor.
enum Measurement: String, CaseIterable {
  case resumePreferred = "resume-preferred"
  case resumeWholeProgram = "resume-whole-program"
  case resumeBare = "resume-bare"
  case timersOfTheLoop = "timers-loop"
  case timersOfTaskSleep = "timers-task-sleep"
  case timersOfTheStockExecutor = "timers-stock"

  /// What a suspension or a timer takes.
  func run() throws -> Figures {
    switch self {
    case .resumePreferred: try EventLoop.run { await Suspensions.measure() }
    case .resumeWholeProgram: try GlobalExecutor.run { await Suspensions.measure() }
    case .resumeBare: BareExecutor.run { await Suspensions.measure() }
    case .timersOfTheLoop:
      try GlobalExecutor.run { try await Timers.measure { try await EventLoop.current!.sleep(for: $0) } }
    case .timersOfTaskSleep: try GlobalExecutor.run { try await Timers.measure { try await Task.sleep(for: $0) } }
    case .timersOfTheStockExecutor: try Stock.run { try await Timers.measure { try await Task.sleep(for: $0) } }
    }
  }
}
