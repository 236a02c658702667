import Gyre

/// A chapter of the tour: it does the real thing on this machine and shows what the kernel says of it.
protocol Chapter: Sendable {
  /// A few words.
  var title: String { get }
  /// What happens and why, in two or three sentences.
  var explanation: String { get }
  /// What to look at in the numbers.
  var reading: String { get }
  /// What to try next.
  var suggestion: String { get }

  /// Does it. Called on a loop; whatever it opens and starts, it also ends.
  ///
  /// - Parameter backend: what loops are to be made with.
  func run(on backend: BackendChoice) async throws -> Findings
}
