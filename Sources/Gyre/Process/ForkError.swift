/// A process could not be forked.
public enum ForkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The calling code runs on no event loop: nothing could watch the child.
  case noLoop
  /// The process has other threads than the caller's, by these names. A child has only the thread that forked: a lock that
  /// another one held, of the allocator for example, would stay locked in it for ever.
  case threads([String])
  /// The kernel refused. `fork(2)`, `pidfd_open(2)`
  case system(Errno)

  /// What is wrong, and what to do about it.
  public var description: String {
    switch self {
    case .noLoop: "fork: the caller runs on no event loop; call it from a task on one"
    case .threads(let names):
      "fork: this process has other threads (\(names.joined(separator: ", "))), whose locks a child would inherit locked; "
        + "run one event loop on the main thread, with EventLoop.run, and nothing beside it"
    case .system(let errno): "fork: \(errno)"
    }
  }
}
