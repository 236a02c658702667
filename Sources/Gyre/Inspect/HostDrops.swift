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
  /// Costs about 85 µs, in which the calling thread reads a file that is generated in memory.
  /// - Throws: the errno of `open(2)` or `read(2)`: `ENOENT` where `/proc` is not mounted.
  public static func current() throws(Errno) -> HostDrops {
    HostDrops(netstat: try ProcFile.bytes(of: "/proc/net/netstat"))
  }

  /// Finds the counters in the file, where a line of names precedes each line of values. Unknown ones are 0.
  init(netstat: [UInt8]) {
    let lines = netstat.split(separator: UInt8(ascii: "\n")).filter { $0.starts(with: "TcpExt:".utf8) }
      .map { $0.split(separator: UInt8(ascii: " ")) }
    func value(_ name: String) -> UInt64 {
      guard lines.count == 2, let column = lines[0].firstIndex(where: { $0.elementsEqual(name.utf8) }),
        column < lines[1].count
      else { return 0 }
      return UInt64(String(decoding: lines[1][column], as: UTF8.self)) ?? 0
    }
    acceptQueueOverflows = value("ListenOverflows")
    drops = value("ListenDrops")
    synCookies = value("TCPReqQFullDoCookies")
    synDrops = value("TCPReqQFullDrop")
  }
}
