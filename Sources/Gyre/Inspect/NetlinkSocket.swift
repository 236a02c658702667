import CLiburing
import Glibc

/// A question to a part of the kernel that answers in messages. `netlink(7)`
struct NetlinkSocket: ~Copyable {
  private let number: Int32

  /// As much as the kernel puts into one datagram of a dump.
  private static let datagramSize = 32768
  /// Seconds to wait for a datagram. The kernel writes it within the calls themselves: this ends only what is broken.
  private static let patience = 5

  /// - Parameter protocol: the part of the kernel, such as `NETLINK_SOCK_DIAG`.
  init(protocol: Int32) throws(Errno) {
    number = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), `protocol`)
    if number < 0 { throw .current }
    var limit = timeval(tv_sec: NetlinkSocket.patience, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(number) }

  /// Asks for everything of a kind, and calls `body` with the type and the payload of each message of the answer.
  ///
  /// A dump that failed half-way leaves its rest behind: the socket is of no more use then.
  /// - Throws: the errno of `send(2)` or `recv(2)`, the kernel's refusal, `EBADMSG` for an answer that breaks the format.
  func dump<Question: BitwiseCopyable>(
    type: UInt16,
    sequence: UInt32,
    _ question: Question,
    _ body: (UInt16, RawSpan) -> Void
  ) throws(Errno) {
    try send(NetlinkSocket.request(type: type, sequence: sequence, question))
    var datagram = [UInt8](repeating: 0, count: NetlinkSocket.datagramSize)
    var isDone = false
    while !isDone {
      let count = try receive(into: &datagram)
      isDone = try NetlinkReply.read(datagram.span.bytes.extracting(..<count), sequence: sequence, body)
    }
  }

  /// A message of one question: the header, and the question as it lies in memory.
  private static func request<Question: BitwiseCopyable>(
    type: UInt16,
    sequence: UInt32,
    _ question: Question
  ) -> [UInt8] {
    var header = nlmsghdr()
    header.nlmsg_len = UInt32(MemoryLayout<nlmsghdr>.size + MemoryLayout<Question>.size)
    header.nlmsg_type = type
    header.nlmsg_flags = UInt16(NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH)
    header.nlmsg_seq = sequence
    return withUnsafeBytes(of: header) { Array($0) } + withUnsafeBytes(of: question) { Array($0) }
  }

  private func send(_ message: [UInt8]) throws(Errno) {
    while Glibc.send(number, message, message.count, 0) < 0 {
      if errno != EINTR { throw .current }
    }
  }

  /// The length of the kernel's next datagram. Whatever other processes send is passed over.
  private func receive(into datagram: inout [UInt8]) throws(Errno) -> Int {
    while true {
      var sender = sockaddr_nl()
      var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
      // Both are this frame's; the flag makes the call return the datagram's own length, even if not all of it fits.
      let count = withUnsafeMutablePointer(to: &sender) { sender in
        sender.withMemoryRebound(to: sockaddr.self, capacity: 1) { sender in
          recvfrom(number, &datagram, datagram.count, Int32(MSG_TRUNC), sender, &length)
        }
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw errno == EAGAIN ? .timedOut : .current }
      if sender.nl_pid != 0 { continue }
      if count > datagram.count { throw Errno(rawValue: EMSGSIZE) }
      return count
    }
  }
}
