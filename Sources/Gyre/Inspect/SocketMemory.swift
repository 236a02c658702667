import CLiburing
import Glibc

/// What the kernel says of a socket's memory: as many values as this kernel has. `socket(7)`, `SO_MEMINFO`
struct SocketMemory {
  private let values: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  private let count: Int

  /// Asks the kernel; a kernel that does not know the question (before Linux 4.12) knows no value.
  init(of number: Int32) {
    var values: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0, 0, 0, 0)
    var length = socklen_t(MemoryLayout.size(ofValue: values))
    let result = getsockopt(number, SOL_SOCKET, GYRE_SO_MEMINFO, &values, &length)
    self.values = values
    count = result == 0 ? Int(length) / 4 : 0
  }

  /// The most memory for received bytes, `SO_RCVBUF`.
  var receiveLimit: Int? { count > GYRE_MEMINFO_RCVBUF ? Int(values.1) : nil }
  /// The most memory for bytes to send, `SO_SNDBUF`.
  var sendLimit: Int? { count > GYRE_MEMINFO_SNDBUF ? Int(values.3) : nil }
  /// What the kernel dropped at this socket since it was made.
  var drops: Int? { count > GYRE_MEMINFO_DROPS ? Int(values.8) : nil }
}
