import CLiburing
import Glibc

/// Asks the kernel about the TCP sockets of this host, other programs' included. `sock_diag(7)`, `netlink(7)`
///
/// It sees the network namespace of the calling process and needs no privilege. A question is a handful of system calls on
/// a socket of its own, in which the kernel walks its tables of sockets: the calling thread is kept for 0.1 to 0.5 ms on a
/// quiet host, and longer in proportion to the sockets there are.
package enum SocketDiagnostics {
  /// The sockets in any of `states`.
  ///
  /// - Parameters:
  ///   - localPort: only those bound to it; 0 is any.
  ///   - detailed: also ask for `drops` and `path`.
  /// - Returns: IPv4 before IPv6, otherwise in no order. Sockets come and go meanwhile: each is described as it was at a
  ///   moment of its own.
  /// - Throws: the errno of `socket(2)`, `send(2)` or `recv(2)`, or the kernel's refusal: `EPROTONOSUPPORT` or `ENOENT`
  ///   where it has no socket diagnostics.
  package static func tcpSockets(
    in states: TCPState.Mask,
    localPort: UInt16 = 0,
    detailed: Bool = false
  ) throws(Errno) -> [DiagnosedSocket] {
    let netlink = try NetlinkSocket(protocol: NETLINK_SOCK_DIAG)
    var sockets: [DiagnosedSocket] = []
    for (sequence, family) in [AF_INET, AF_INET6].enumerated() {
      let request = request(family, states, localPort, detailed)
      try netlink.dump(type: UInt16(SOCK_DIAG_BY_FAMILY), sequence: UInt32(sequence + 1), request) { type, message in
        guard type == SOCK_DIAG_BY_FAMILY, let socket = DiagnosedSocket(message: message) else { return }
        sockets.append(socket)
      }
    }
    return sockets
  }

  /// The length of a listener's SYN queue: connections whose handshake is not complete. Costs about 0.5 ms.
  ///
  /// Listeners that share an address (`SO_REUSEPORT`) cannot be told apart: each gets the sum of all.
  ///
  /// - Parameter listener: the listener's address, with its port.
  /// - Throws: as `tcpSockets(in:localPort:detailed:)`.
  package static func synQueueLength(of listener: SocketAddress) throws(Errno) -> Int {
    let halfOpen = try tcpSockets(in: .synReceived, localPort: listener.port)
    return halfOpen.count { listener.covers($0.local) }
  }

  private static func request(
    _ family: Int32,
    _ states: TCPState.Mask,
    _ localPort: UInt16,
    _ detailed: Bool
  ) -> inet_diag_req_v2 {
    var request = inet_diag_req_v2()
    request.sdiag_family = UInt8(family)
    request.sdiag_protocol = UInt8(IPPROTO_TCP)
    if detailed { request.idiag_ext = bit(INET_DIAG_INFO) | bit(INET_DIAG_SKMEMINFO) }
    request.idiag_states = states.rawValue
    request.id.idiag_sport = localPort.bigEndian
    return request
  }

  /// The bit that asks for an attribute.
  private static func bit(_ attribute: Int) -> UInt8 { 1 << (UInt8(attribute) - 1) }
}

extension SocketAddress {
  /// Whether a listener on this address gets the connections that were made to `address`.
  package func covers(_ address: SocketAddress) -> Bool {
    guard port == address.port else { return false }
    return self == address || isUnspecified && (isIPv6 || !address.isIPv6)
  }

  /// Whether this stands for every address of the machine: `0.0.0.0` or `::`.
  package var isUnspecified: Bool { self == .any(port: port) || self == .anyIPv6(port: port) }
}
