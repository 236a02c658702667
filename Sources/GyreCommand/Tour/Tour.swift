import Gyre

/// The chapters, in the order of a connection's life.
enum Tour {
  static let chapters: [any Chapter] = [
    ProcessAndThread(), Handshake(), AcceptQueueOverflow(), Accepting(), ReceiveBuffer(), SendBuffer(),
    ReadinessAndCompletion(), ExecutionPatterns(), CopyOnWrite(),
  ]

  /// Runs a chapter on a loop of its own, on the calling thread.
  static func run(_ chapter: any Chapter, on backend: BackendChoice) throws -> Findings {
    try EventLoop.run(EventLoop.Configuration(backend: backend)) { try await chapter.run(on: backend) }
  }
}

/// What kept a chapter from its end.
struct TourError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension Tour {
  /// How long the kernel may take to get to a state that a chapter shows.
  private static let patience = Duration.seconds(60)

  /// Waits until `condition` holds, asking every millisecond.
  ///
  /// - Throws: `TourError` if it never does.
  static func wait(for state: String, until condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw TourError("the kernel does not get to: \(state)") }
      try await EventLoop.current?.sleep(for: .milliseconds(1))
    }
  }
}

extension Tour {
  /// The backend that a choice comes to on this machine.
  static func backend(of choice: BackendChoice) throws -> Backend {
    try EventLoop.run(EventLoop.Configuration(backend: choice)) { EventLoop.current!.backend }
  }
}
