extension EventLoopGroup {
  /// Whether the loops of a group keep to cores. `sched_setaffinity(2)`
  ///
  /// A pinned loop finds its data in its core's caches, and cannot move away from a busy core: it suits a machine that runs
  /// little else.
  public enum Pinning: Sendable, Equatable {
    /// The kernel places the threads.
    case none
    /// Each loop on a core of its own, in the order of the cores that the process may use; with more loops than cores,
    /// from the first one again.
    case each
    /// The first loop on the first of these cores, and so on: one core for each loop.
    case cores([Int])

    func cores(for count: Int) throws(ConfigurationError) -> [Int?] {
      switch self {
      case .none: return [Int?](repeating: nil, count: count)
      case .each:
        let allowed = CoreAffinity.allowed
        guard !allowed.isEmpty else { throw ConfigurationError("the kernel does not say which cores may be used") }
        return (0..<count).map { allowed[$0 % allowed.count] }
      case .cores(let cores):
        guard cores.count == count else {
          throw ConfigurationError("\(cores.count) cores for \(count) loops: name one core for each loop")
        }
        return cores
      }
    }
  }
}
