/// What a loop made now would run on, and what there is to know about it: the part of `gyre doctor` that only the library
/// can tell.
package struct BackendReport: Sendable {
  /// A feature of io_uring that Gyre uses.
  package struct Feature: Sendable, Codable {
    /// The kernel's name for it.
    package let name: String
    /// Whether this kernel has it.
    package let available: Bool
    /// What Gyre uses it for.
    package let use: String
  }

  /// The sizes that the kernel grants a loop's ring.
  package struct RingSize: Sendable, Codable {
    /// Entries of the submission queue.
    package let submissions: Int
    /// Entries of the completion queue.
    package let completions: Int
  }

  /// The backend, or why no loop can be made: a `ConfigurationError` or `BackendError`.
  package let decision: Result<BackendDecision, any Error>
  /// Who decides it.
  package let origin: BackendDecision.Origin
  /// Why no io_uring is to be had, whether or not one was asked for.
  package let refusal: BackendError?
  /// Every feature of io_uring that Gyre uses; none where there is no io_uring at all.
  package let features: [Feature]
  /// A loop's ring; `nil` where no io_uring is to be had.
  package let ring: RingSize?
  /// Bytes that a loop's ring and its ring of buffers count against the limit of locked memory, approximately.
  package let lockedBytesPerLoop: Int
  /// Whether this kernel counts rings against that limit for this process: kernels before some release of 2025 do not, and
  /// none does for whoever has CAP_IPC_LOCK.
  package internal(set) var locksMemory: Bool

  /// Makes a loop's driver of each kind, looks at it and lets go of it again. Logs nothing.
  package init(_ configuration: EventLoop.Configuration = EventLoop.Configuration()) {
    // In this order: the kernel gives locked memory back some time after a ring is closed, and the probe makes several.
    let made = BackendReport.makeDriver(.uring, configuration)
    ring = (try? made.get()).flatMap { $0 as? URingDriver }.map { RingSize($0.ring.size) }
    refusal = made.error as? BackendError
    origin = BackendDecision.Origin(configuration.backend)
    decision = BackendReport.decide(origin, refusal, configuration)
    locksMemory = RingProbe.locksMemory()
    features = (try? RingFeatures.probe(for: configuration).get()).map { $0.rows.map(Feature.init) } ?? []
    let ring = configuration.ring
    lockedBytesPerLoop = Int(ring.submissions) * 64 + Int(ring.completions) * 16 + configuration.bufferCount * 16 + 8192
  }

  /// Why a loop cannot have `backend` now; `nil` if it can.
  static func refusal(of backend: BackendChoice, _ configuration: EventLoop.Configuration) -> BackendError? {
    makeDriver(backend, configuration).error as? BackendError
  }

  /// What `DriverChoice.makeDriver` decides, without its log message.
  private static func decide(
    _ origin: BackendDecision.Origin,
    _ refusal: BackendError?,
    _ configuration: EventLoop.Configuration
  ) -> Result<BackendDecision, any Error> {
    do {
      try configuration.validate()
      let choice = try configuration.backend.resolved()
      guard choice != .epoll else { return epoll(origin, nil, configuration) }
      guard let refusal else { return .success(BackendDecision(backend: .uring, origin: origin, refusal: nil)) }
      guard choice == .automatic, DriverChoice.fallsBack(refusal) else { return .failure(refusal) }
      return epoll(origin, refusal, configuration)
    } catch {
      return .failure(error)
    }
  }

  private static func epoll(
    _ origin: BackendDecision.Origin,
    _ refusal: BackendError?,
    _ configuration: EventLoop.Configuration
  ) -> Result<BackendDecision, any Error> {
    makeDriver(.epoll, configuration).map { _ in BackendDecision(backend: .epoll, origin: origin, refusal: refusal) }
  }

  private static func makeDriver(
    _ choice: BackendChoice,
    _ configuration: EventLoop.Configuration
  ) -> Result<any Driver, any Error> {
    var configuration = configuration
    configuration.backend = choice
    return Result { try DriverChoice.makeDriver(configuration) }
  }
}

extension BackendReport.RingSize {
  init(_ size: Ring.Size) { self.init(submissions: Int(size.submissions), completions: Int(size.completions)) }
}

extension Result {
  fileprivate var error: Failure? {
    guard case .failure(let error) = self else { return nil }
    return error
  }
}
