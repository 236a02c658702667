/// The executors of a whole program that runs on event loops: what tasks, actors and the main actor use by default.
final class ProgramExecutors: Sendable {
  let tasks: ProgramTaskExecutor
  let main: ProgramMainExecutor
  private let members = Locked<[EventLoop]>([])

  /// Set once, before any task runs.
  private static let current = Locked<ProgramExecutors?>(nil)

  init() {
    tasks = ProgramTaskExecutor()
    main = ProgramMainExecutor()
  }

  /// The program's executors, once they are installed.
  static var installed: ProgramExecutors? { current.withLock { $0 } }

  /// - Throws: `ConfigurationError` if the program has executors of Gyre already.
  func claim() throws(ConfigurationError) {
    let isFirst = ProgramExecutors.current.withLock { current in
      guard current == nil else { return false }
      current = self
      return true
    }
    guard isFirst else {
      throw ConfigurationError("the program runs on Gyre already: install the global executor once, when it starts")
    }
  }

  /// Lets go of a claim whose loops could not be made.
  func disclaim() { ProgramExecutors.current.withLock { $0 = nil } }

  /// The program's loops; the first is the main thread's.
  var loops: [EventLoop] { members.withLock { $0 } }

  /// Whether one loop has everything.
  var hasOneLoop: Bool { members.withLock { $0.count == 1 } }

  func set(_ loops: [EventLoop]) {
    members.withLock { $0 = loops }
    tasks.set(loops)
    main.set(loops[0])
  }
}
