import CLiburing
import Glibc

extension DiagnosedSocket {
  /// Reads a message of the kernel's: `struct inet_diag_msg`, and attributes after it.
  ///
  /// - Returns: `nil` for what is no TCP socket of a known family and state.
  init?(message: RawSpan) {
    guard let head = NetlinkReply.load(inet_diag_msg.self, from: message),
      let state = TCPState(rawValue: head.idiag_state),
      let local = SocketAddress(Int32(head.idiag_family), head.id.idiag_src, head.id.idiag_sport, head.id.idiag_if),
      let remote = SocketAddress(Int32(head.idiag_family), head.id.idiag_dst, head.id.idiag_dport, head.id.idiag_if)
    else { return nil }
    self.init(
      state: state,
      local: local,
      remote: remote,
      receiveQueue: Int(head.idiag_rqueue),
      sendQueue: Int(head.idiag_wqueue),
      userID: head.idiag_uid,
      inode: head.idiag_inode
    )
    var (drops, path): (Int?, Path?)
    NetlinkReply.forEachAttribute(in: message.extracting(droppingFirst: MemoryLayout<inet_diag_msg>.size)) {
      type,
      value in
      switch Int(type) {
      case INET_DIAG_SKMEMINFO: drops = DiagnosedSocket.drops(value)
      case INET_DIAG_INFO: path = Path(value)
      default: break
      }
    }
    (self.drops, self.path) = (drops, path)
  }

  /// The ninth of the numbers about a socket's memory, which old kernels do not have.
  private static func drops(_ memory: RawSpan) -> Int? {
    let offset = SK_MEMINFO_DROPS * MemoryLayout<UInt32>.size
    guard memory.byteCount >= offset else { return nil }
    return NetlinkReply.load(UInt32.self, from: memory.extracting(offset...)).map(Int.init)
  }
}

extension DiagnosedSocket.Path {
  /// Reads as much of a `tcp_info` as the kernel wrote; `nil` if that is less than every kernel knows.
  fileprivate init?(_ info: RawSpan) {
    guard let roundTrip = Self.field(\.tcpi_rtt, of: info), let again = Self.field(\.tcpi_total_retrans, of: info)
    else {
      return nil
    }
    roundTripTime = .microseconds(Int(roundTrip))
    retransmissions = Int(again)
    unsent = Self.field(\.tcpi_notsent_bytes, of: info).map(Int.init)
    sendWindow = Self.field(\.tcpi_snd_wnd, of: info).map(Int.init)
    receiveWindow = Self.field(\.tcpi_rcv_wnd, of: info).map(Int.init)
  }

  private static func field(_ field: KeyPath<gyre_tcp_info, UInt32>, of info: RawSpan) -> UInt32? {
    guard let offset = MemoryLayout<gyre_tcp_info>.offset(of: field), info.byteCount >= offset else { return nil }
    return NetlinkReply.load(UInt32.self, from: info.extracting(offset...))
  }
}

extension SocketAddress {
  /// An address as the socket diagnostics write it: four words and a port, all in network byte order.
  fileprivate init?(_ family: Int32, _ words: (UInt32, UInt32, UInt32, UInt32), _ port: UInt16, _ interface: UInt32) {
    var storage = sockaddr_storage()
    let length = withUnsafeMutableBytes(of: &storage) { storage in
      // The storage has room for an address of any family, and lives on this frame.
      switch family {
      case AF_INET:
        var form = sockaddr_in()
        (form.sin_family, form.sin_port, form.sin_addr.s_addr) = (sa_family_t(family), port, words.0)
        storage.storeBytes(of: form, as: sockaddr_in.self)
        return MemoryLayout<sockaddr_in>.size
      default:
        var form = sockaddr_in6()
        (form.sin6_family, form.sin6_port) = (sa_family_t(family), port)
        form.sin6_addr = unsafeBitCast(words, to: in6_addr.self)
        // Only link-local addresses, fe80::/10, need the interface to be told apart.
        form.sin6_scope_id = UInt32(bigEndian: words.0) >> 22 == 0xfe80 >> 6 ? interface : 0
        storage.storeBytes(of: form, as: sockaddr_in6.self)
        return MemoryLayout<sockaddr_in6>.size
      }
    }
    self.init(storage, length: socklen_t(length))
  }
}
