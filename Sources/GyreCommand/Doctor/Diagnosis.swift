import Gyre

/// Everything that `gyre doctor` finds.
struct Diagnosis {
  let report: BackendReport
  let limits: SystemLimits

  /// Looks at this machine.
  static func make() -> Diagnosis { Diagnosis(report: BackendReport(), limits: .read()) }

  /// The backend that loops run on; `nil` if none can be made.
  var backend: Backend? { try? report.decision.get().backend }

  /// Why, in a sentence without a full stop at its end.
  var reason: String {
    switch report.decision {
    case .success(let decision): decision.reason
    case .failure(let error): "\(error)"
    }
  }

  /// Loops whose rings fit into the memory that may be locked; `nil` if that has no limit here.
  var loopsThatFit: Int? {
    guard report.locksMemory, !limits.canLockAnyMemory, let bytes = limits.lockedMemory else { return nil }
    return Int(clamping: bytes) / report.lockedBytesPerLoop
  }
}

extension Diagnosis: Encodable {
  private enum Key: String, CodingKey {
    case backend, chosenBy, reason, ioUringError, ring, features, limits, problems
  }

  /// The keys are documented in the command's help. Every one is there: what is missing is null.
  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(backend, forKey: .backend)
    try object.encode(report.origin, forKey: .chosenBy)
    try object.encode(reason, forKey: .reason)
    try object.encode(report.refusal?.errno.name, forKey: .ioUringError)
    try object.encode(report.ring, forKey: .ring)
    try object.encode(report.features, forKey: .features)
    try object.encode(limits, forKey: .limits)
    try object.encode(problems, forKey: .problems)
  }
}
