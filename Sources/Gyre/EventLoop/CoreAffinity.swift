import CLiburing
import Glibc

/// The cores that threads run on. `sched_setaffinity(2)`
enum CoreAffinity {
  /// The cores that the calling thread may run on, in order. A cgroup or `taskset(1)` can allow fewer than there are.
  static var allowed: [Int] { (0..<1024).filter { gyre_allows_core(Int32($0)) != 0 } }

  /// Keeps the calling thread on one core.
  ///
  /// - Throws: `ConfigurationError` if the thread may not run there.
  static func pin(to core: Int) throws(ConfigurationError) {
    let cores = allowed
    guard cores.contains(core) else {
      let names = cores.map(String.init).joined(separator: ", ")
      throw ConfigurationError("core \(core) is not one that this process may use: choose among \(names)")
    }
    let error = gyre_pin_thread(Int32(core))
    guard error == 0 else {
      throw ConfigurationError("the kernel keeps no thread on core \(core): \(Errno(rawValue: error))")
    }
  }
}
