import CLiburing
import Glibc

/// The format of what the kernel answers: messages in a datagram, attributes in a message. `netlink(7)`
///
/// Lengths are checked before they are believed, so no answer can make the reader leave its memory or go round in circles.
enum NetlinkReply {
  /// Calls `body` with the type and the payload of each message of a datagram that answers the question of that number.
  ///
  /// - Returns: whether the answer is complete.
  /// - Throws: the kernel's refusal; `EBADMSG` if a message is longer than what is there, or shorter than its header.
  static func read(
    _ datagram: RawSpan,
    sequence: UInt32,
    _ body: (UInt16, RawSpan) -> Void
  ) throws(Errno) -> Bool {
    var rest = datagram
    while rest.byteCount > 0 {
      guard let header = load(nlmsghdr.self, from: rest), let length = Int(exactly: header.nlmsg_len),
        length >= MemoryLayout<nlmsghdr>.size, length <= rest.byteCount
      else { throw Errno(rawValue: EBADMSG) }
      let payload = rest.extracting(MemoryLayout<nlmsghdr>.size..<length)
      rest = rest.extracting(min(aligned(length), rest.byteCount)...)
      if header.nlmsg_seq != sequence { continue }
      switch Int32(header.nlmsg_type) {
      case NLMSG_NOOP: continue
      case NLMSG_OVERRUN: throw Errno(rawValue: EOVERFLOW)
      case NLMSG_ERROR: try check(payload)
      case NLMSG_DONE:
        try check(payload)
        return true
      default: body(header.nlmsg_type, payload)
      }
    }
    return false
  }

  /// Calls `body` with the type and the value of each attribute. One that breaks the format ends the list.
  static func forEachAttribute(in attributes: RawSpan, _ body: (UInt16, RawSpan) -> Void) {
    var rest = attributes
    while let header = load(nlattr.self, from: rest) {
      let length = Int(header.nla_len)
      guard length >= MemoryLayout<nlattr>.size, length <= rest.byteCount else { return }
      // The two upper bits are flags.
      body(header.nla_type & 0x3fff, rest.extracting(MemoryLayout<nlattr>.size..<length))
      rest = rest.extracting(min(aligned(length), rest.byteCount)...)
    }
  }

  /// The value at the beginning of `bytes`; `nil` if they are too few.
  static func load<Value: BitwiseCopyable>(_ type: Value.Type, from bytes: RawSpan) -> Value? {
    guard bytes.byteCount >= MemoryLayout<Value>.size else { return nil }
    // The length was checked, and every pattern of bits is a value of the kernel's structs.
    return bytes.unsafeLoadUnaligned(as: type)
  }

  /// Throws what a message reports: 0 is none, a negative number an errno.
  private static func check(_ payload: RawSpan) throws(Errno) {
    if let result = load(Int32.self, from: payload), result < 0 { throw Errno(rawValue: 0 &- result) }
  }

  /// Messages and attributes begin at multiples of four bytes.
  private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}
