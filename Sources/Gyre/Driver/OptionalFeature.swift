import Glibc

/// A feature of io_uring that a loop uses where the kernel has it and does without elsewhere.
///
/// The environment variable `GYRE_WITHOUT` names those that loops are to do without on any kernel, separated by commas: so
/// tests on a recent kernel take the ways that older ones make loops go.
enum OptionalFeature: String, CaseIterable, Sendable {
  /// One receive that completes several times; without it, each receive is for one buffer.
  case multishotReceive = "multishot-receive"
  /// A multishot receive that ends after a number of bytes.
  case receiveLimit = "receive-limit"
  /// A receive that fills several buffers with one completion.
  case receiveBundles = "receive-bundles"
  /// Accepted sockets in the ring's own table of files.
  case directDescriptors = "direct-descriptors"
  /// Messages from ring to ring.
  case messageRing = "message-ring"
  /// Completions that are posted when the loop asks.
  case deferredTaskRun = "defer-taskrun"
  /// Waits that do not count as I/O wait.
  case noIOWait = "no-iowait"

  /// Those that the environment takes away. Read once.
  static let withheld: Result<Set<OptionalFeature>, ConfigurationError> = Result {
    () throws(ConfigurationError) in
    guard let value = getenv("GYRE_WITHOUT") else { return [] }
    return try named(String(cString: value))
  }

  /// - Throws: `ConfigurationError` for a name that is none.
  static func named(_ names: String) throws(ConfigurationError) -> Set<OptionalFeature> {
    var features: Set<OptionalFeature> = []
    for name in names.split(separator: ",") {
      guard let feature = OptionalFeature(rawValue: String(name)) else {
        let known = allCases.map(\.rawValue).joined(separator: ", ")
        throw ConfigurationError("GYRE_WITHOUT has “\(name)”: use \(known)")
      }
      features.insert(feature)
    }
    return features
  }
}
