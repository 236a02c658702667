import Glibc

/// What the kernel has dropped at all listeners together since the host started: of the network namespace that the process
/// is in. `/proc/net/netstat`, `TcpExt`
public struct HostDrops: Sendable, Equatable {
  /// Times that a complete connection found its accept queue full. `ListenOverflows`
  public var acceptQueueOverflows: UInt64
  /// Packets dropped at listeners for whatever reason, the overflows among them. `ListenDrops`
  public var drops: UInt64
  /// Times that a SYN found the SYN queue full and was answered with a cookie instead of queued. `TCPReqQFullDoCookies`
  public var synCookies: UInt64
  /// Times that a SYN found the SYN queue full and was dropped. `TCPReqQFullDrop`
  public var synDrops: UInt64

  /// Reads the counters from the kernel.
  ///
  /// Costs about 50 µs, in which the calling thread reads a file that is generated in memory.
  /// - Throws: the errno of `open(2)` or `read(2)`: `ENOENT` where `/proc` is not mounted.
  public static func current() throws(Errno) -> HostDrops {
    HostDrops(netstat: try ProcFile.text(of: "/proc/net/netstat"))
  }

  /// Finds the counters in the text of the file, where a line of names precedes each line of values. Unknown ones are 0.
  init(netstat: String) {
    let lines = netstat.split(separator: "\n").filter { $0.hasPrefix("TcpExt:") }.map { $0.split(separator: " ") }
    var values: [Substring: UInt64] = [:]
    if lines.count == 2 {
      for (name, value) in zip(lines[0], lines[1]) { values[name] = UInt64(value) }
    }
    acceptQueueOverflows = values["ListenOverflows"] ?? 0
    drops = values["ListenDrops"] ?? 0
    synCookies = values["TCPReqQFullDoCookies"] ?? 0
    synDrops = values["TCPReqQFullDrop"] ?? 0
  }
}
