import CLiburing
import Glibc

/// What the kernel says of a TCP socket: as many fields as this kernel has. `tcp(7)`, `TCP_INFO`
struct TCPInfo {
  /// The fields; those that the kernel did not write are 0.
  let fields: gyre_tcp_info
  /// Bytes that the kernel wrote.
  let length: Int

  /// The fields that every kernel has which io_uring or `epoll_create1` run on. Linux 2.6
  static let shortest = 104

  /// - Parameters:
  ///   - number: the socket's ordinary descriptor.
  ///   - room: bytes that the kernel may write. It leaves out what does not fit, as it leaves out what it does not know.
  /// - Throws: the errno of `getsockopt(2)`; `EOPNOTSUPP` if the answer is too short to be of use.
  init(of number: Int32, room: Int = MemoryLayout<gyre_tcp_info>.size) throws(Errno) {
    var fields = gyre_tcp_info()
    var length = socklen_t(room)
    if getsockopt(number, Int32(IPPROTO_TCP), TCP_INFO, &fields, &length) != 0 { throw .current }
    if length < TCPInfo.shortest { throw Errno(rawValue: EOPNOTSUPP) }
    self.fields = fields
    self.length = Int(length)
  }

  /// Bytes that were never sent; the first of the fields that not every kernel has.
  var unsent: UInt32? { ifWritten(fields.tcpi_notsent_bytes, upTo: End.unsent) }
  var busyTime: UInt64? { ifWritten(fields.tcpi_busy_time, upTo: End.busyTime) }
  var receiverLimited: UInt64? { ifWritten(fields.tcpi_rwnd_limited, upTo: End.receiverLimited) }
  var sendBufferLimited: UInt64? { ifWritten(fields.tcpi_sndbuf_limited, upTo: End.sendBufferLimited) }
  var sendWindow: UInt32? { ifWritten(fields.tcpi_snd_wnd, upTo: End.sendWindow) }
  var receiveWindow: UInt32? { ifWritten(fields.tcpi_rcv_wnd, upTo: End.receiveWindow) }

  private func ifWritten<Value>(_ value: Value, upTo end: Int) -> Value? { end <= length ? value : nil }

  /// Where a field ends: the length that an answer with it has at least.
  private enum End {
    static let unsent = end(of: \.tcpi_notsent_bytes)
    static let busyTime = end(of: \.tcpi_busy_time)
    static let receiverLimited = end(of: \.tcpi_rwnd_limited)
    static let sendBufferLimited = end(of: \.tcpi_sndbuf_limited)
    static let sendWindow = end(of: \.tcpi_snd_wnd)
    static let receiveWindow = end(of: \.tcpi_rcv_wnd)

    private static func end<Value>(of field: KeyPath<gyre_tcp_info, Value>) -> Int {
      MemoryLayout<gyre_tcp_info>.offset(of: field)! + MemoryLayout<Value>.size
    }
  }
}
