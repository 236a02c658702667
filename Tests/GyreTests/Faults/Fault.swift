@testable import Gyre

/// What a `FaultyDriver` does to an operation instead of passing it on as it is.
enum Fault: Hashable, Sendable {
  /// Ends it with an errno from the call's real error set.
  case error(Errno)
  /// Lets it move a part of its bytes only.
  case short
  /// Tells of its completions some turns later.
  case late
}
