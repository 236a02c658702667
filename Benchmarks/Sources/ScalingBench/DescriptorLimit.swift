import Glibc

/// How many descriptors this process may have open. `getrlimit(2)`
enum DescriptorLimit {
  struct TooLow: Error, CustomStringConvertible {
    let wanted: Int
    let most: Int

    var description: String { "\(wanted) descriptors are needed and \(most) allowed: ulimit -Hn \(wanted)" }
  }

  /// Raises it as far as is needed, and the hard limit too where that is allowed.
  static func raise(to wanted: Int) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    if Int(limit.rlim_cur) >= wanted { return }
    let most = Int(limit.rlim_max)
    limit = rlimit(rlim_cur: rlim_t(wanted), rlim_max: rlim_t(max(most, wanted)))
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw TooLow(wanted: wanted, most: most)
    }
  }
}
