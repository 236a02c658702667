import Glibc
import Gyre

/// The limits of this process and of the kernel that a server meets. A `nil` could not be read, or is no limit.
struct SystemLimits {
  /// The kernel's release. `uname(2)`
  var kernel = ""
  /// Processors that this process may use, by affinity and by the quota of its control groups.
  var processors = 1
  /// Open files: the limit in force, and what it can be raised to without privilege. `getrlimit(2)`
  var openFiles: UInt64?
  var openFilesHard: UInt64?
  /// Bytes of memory that may be locked, which rings count against; `nil` is no limit. `getrlimit(2)`
  var lockedMemory: UInt64?
  /// Whether that limit is none for this process: it has CAP_IPC_LOCK outside of any user namespace. `capabilities(7)`
  var canLockAnyMemory = false
  /// Connections that a listener's accept queue can hold at most. `listen(2)`
  var somaxconn: Int?
  /// Half-open connections that a listener can hold at most, where SYN cookies are off. `tcp(7)`
  var maxSynBacklog: Int?
  /// When SYN cookies are sent: 0 never, 1 when the queue is full, 2 always. `tcp(7)`
  var synCookies: Int?
  /// Who may have an io_uring: 0 everyone, 1 a group, 2 nobody; `nil` on kernels without the switch (before 6.6).
  var ioUringDisabled: Int?
  /// Whether a seccomp filter watches this process's system calls. `seccomp(2)`
  var isFiltered = false

  /// The limits here and now.
  static func read() -> SystemLimits {
    let status = ProcStatus.read()
    let (files, filesHard) = limit(RLIMIT_NOFILE)
    return SystemLimits(
      kernel: kernelRelease(),
      processors: EventLoopGroup.defaultLoopCount,
      openFiles: files,
      openFilesHard: filesHard,
      lockedMemory: limit(__RLIMIT_MEMLOCK).soft,
      canLockAnyMemory: status.hasCapability(14) && !ProcStatus.isInUserNamespace(),
      somaxconn: setting("net/core/somaxconn"),
      maxSynBacklog: setting("net/ipv4/tcp_max_syn_backlog"),
      synCookies: setting("net/ipv4/tcp_syncookies"),
      ioUringDisabled: setting("kernel/io_uring_disabled"),
      isFiltered: status.isFiltered
    )
  }

  private static func kernelRelease() -> String {
    var names = utsname()
    uname(&names)
    // The field is text that ends with a NUL, in an array of its own.
    return withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func limit(_ resource: __rlimit_resource) -> (soft: UInt64?, hard: UInt64?) {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return (nil, nil) }
    let values = [limit.rlim_cur, limit.rlim_max].map { $0 == UInt64.max ? nil : UInt64($0) }
    return (values[0], values[1])
  }

  /// A setting of `sysctl(8)` that is a number.
  private static func setting(_ path: String) -> Int? {
    ProcStatus.contents(of: "/proc/sys/" + path).flatMap { text in Int(text.filter { !$0.isWhitespace }) }
  }
}

extension SystemLimits: Encodable {
  private enum Key: String, CodingKey, CaseIterable {
    case kernel, processors, openFiles, openFilesHard, lockedMemory, canLockAnyMemory
    case somaxconn, maxSynBacklog, synCookies, ioUringDisabled, isFiltered
  }

  /// Every key is there: what is `nil` is null.
  func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(kernel, forKey: .kernel)
    try object.encode(processors, forKey: .processors)
    try object.encode(openFiles, forKey: .openFiles)
    try object.encode(openFilesHard, forKey: .openFilesHard)
    try object.encode(lockedMemory, forKey: .lockedMemory)
    try object.encode(canLockAnyMemory, forKey: .canLockAnyMemory)
    try object.encode(somaxconn, forKey: .somaxconn)
    try object.encode(maxSynBacklog, forKey: .maxSynBacklog)
    try object.encode(synCookies, forKey: .synCookies)
    try object.encode(ioUringDisabled, forKey: .ioUringDisabled)
    try object.encode(isFiltered, forKey: .isFiltered)
  }
}
