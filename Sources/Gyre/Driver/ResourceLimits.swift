import Glibc

/// What the system lets this process have.
enum ResourceLimits {
  /// Descriptors that may be open at once. `getrlimit(2)`, `RLIMIT_NOFILE`
  static var descriptors: Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
  }

  /// Processors that are online. `sysconf(3)`
  static var processors: Int { max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1) }
}
