import CLiburing
import Glibc
import Testing

/// Takes away the rest of the process's descriptors, by lowering its limit to the next free number, until it ends.
struct DescriptorShortage {
  private let previous: rlimit

  init() throws {
    var limit = rlimit()
    getrlimit(DescriptorShortage.resource, &limit)
    previous = limit
    let next = dup(0)
    try #require(next >= 0)
    close(next)
    limit.rlim_cur = rlim_t(next)
    try #require(setrlimit(DescriptorShortage.resource, &limit) == 0)
  }

  func end() {
    var limit = previous
    setrlimit(DescriptorShortage.resource, &limit)
  }

  private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
