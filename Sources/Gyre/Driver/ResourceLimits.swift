import Glibc

/// What the system lets this process have.
enum ResourceLimits {
  /// Descriptors that may be open at once. `getrlimit(2)`, `RLIMIT_NOFILE`
  static var descriptors: Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
  }

  /// Whether the process may map only so much memory that it can write to. `getrlimit(2)`, `RLIMIT_DATA`
  static var areDataLimited: Bool {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
    return limit.rlim_cur != rlim_t.max
  }

  /// - Parameters:
  ///   - each: the descriptors that a process takes here.
  ///   - passed: those that it gets, of which there is a copy while it starts.
  ///   - open: any descriptor that is open.
  /// - Throws: `ConfigurationError` if so many processes cannot be watched.
  static func requireDescriptors(
    for processes: Int,
    _ what: String,
    each: Int = 1,
    toStart passed: Int = 1,
    beside open: Int32
  ) throws(ConfigurationError) {
    let wanted = processes * each + passed + ResourceLimits.spareDescriptors
    // Taken for a moment, since nothing else says how many are free: the numbers in use have gaps.
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    while copies.count < wanted {
      let copy = fcntl(open, F_DUPFD_CLOEXEC, 0)
      if copy < 0 { break }
      copies.append(copy)
    }
    guard copies.count < wanted else { return }
    let needed = descriptors + wanted - copies.count
    throw ConfigurationError(
      "\(processes) \(what) take \(needed) open files and the limit is \(descriptors): raise it (`ulimit -n`) or have fewer"
    )
  }

  /// Descriptors that a supervisor takes for a moment when it starts a process, and for other things.
  static let spareDescriptors = 8

  /// Processors that are online. `sysconf(3)`
  static var processors: Int { max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1) }
}
