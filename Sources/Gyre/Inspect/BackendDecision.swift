import Glibc

/// Which backend a loop runs on, and why.
package struct BackendDecision: Sendable {
  /// Who decided.
  package enum Origin: String, Sendable, Codable {
    /// Gyre did, by what the kernel can do.
    case automatic
    /// The environment variable `GYRE_BACKEND` did.
    case environment
    /// The program did, in the loop's configuration.
    case program

    init(_ choice: BackendChoice) {
      let variable = getenv("GYRE_BACKEND").map { String(cString: $0) } ?? ""
      if choice != .automatic {
        self = .program
      } else {
        self = variable.isEmpty || variable == BackendChoice.automatic.rawValue ? .automatic : .environment
      }
    }
  }

  /// What does the loop's I/O.
  package let backend: Backend
  /// Who decided that.
  package let origin: Origin
  /// Why io_uring was not to be had, where automatic choice fell back.
  package let refusal: BackendError?

  /// Why, in a sentence without a full stop at its end.
  package var reason: String {
    switch (origin, refusal) {
    case (.program, _): "asked for"
    case (.environment, _): "the environment has GYRE_BACKEND=\(backend.rawValue)"
    case (.automatic, let refusal?): "automatic choice: \(refusal.backend) is not available: \(refusal.errno)"
    case (.automatic, nil) where backend == .uring: "automatic choice: the kernel has all that Gyre needs"
    case (.automatic, nil): "automatic choice: io_uring was not available when the loop was made"
    }
  }
}

extension EventLoop {
  /// Why the loop runs on its backend. Where automatic choice fell back, this asks for an io_uring once more.
  package var decision: BackendDecision {
    let origin = BackendDecision.Origin(configuration.backend)
    guard origin == .automatic, backend == .epoll else {
      return BackendDecision(backend: backend, origin: origin, refusal: nil)
    }
    return BackendDecision(backend: backend, origin: origin, refusal: BackendReport.refusal(of: .uring, configuration))
  }
}
