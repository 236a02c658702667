import CLiburing
import Glibc

/// The cores that threads run on. `sched_setaffinity(2)`
enum CoreAffinity {
  /// More than any kernel has.
  private static let most = 8192

  /// The cores that the calling thread may run on, in order; none where the kernel does not say. A cgroup or `taskset(1)`
  /// can allow fewer than there are.
  static var allowed: [Int] {
    // A bit for each, which the call fills in.
    var bits = [UInt8](repeating: 0, count: most / 8)
    guard gyre_allowed_cores(&bits, bits.count) > 0 else { return [] }
    return (0..<most).filter { bits[$0 / 8] & 1 << UInt8($0 % 8) != 0 }
  }

  /// Keeps the calling thread on one core.
  ///
  /// - Throws: `ConfigurationError` if the thread may not run there.
  static func pin(to core: Int) throws(ConfigurationError) {
    let cores = allowed
    guard cores.contains(core) else {
      if cores.isEmpty { throw ConfigurationError("core \(core): the kernel does not say which cores may be used") }
      let names = cores.map(String.init).joined(separator: ", ")
      throw ConfigurationError("core \(core) is not one that this process may use: choose among \(names)")
    }
    let error = gyre_pin_thread(Int32(core))
    guard error == 0 else {
      throw ConfigurationError("the kernel keeps no thread on core \(core): \(Errno(rawValue: error))")
    }
  }
}
