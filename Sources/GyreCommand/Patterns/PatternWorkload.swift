import ArgumentParser

/// What the clients of `gyre patterns` ask for.
enum PatternWorkload: String, CaseIterable, ExpressibleByArgument, Codable {
  /// Every request is answered at once.
  case light
  /// One request in a hundred computes for five milliseconds.
  case heavy
  /// On one of the threads every request computes for a millisecond.
  case slowWorker = "slow-worker"
  /// In the middle, one request makes its process abort.
  case crash
}
