import CLiburing
import Glibc

// @unchecked: handed to the loop whole by a caller that does nothing with it until it is resumed.
/// Several pieces of memory sent as one stretch of the stream. `sendmsg(2)`
final class SendVector: @unchecked Sendable {
  // Both blocks live until `deinit`; the request holds this object until the operation's terminal completion.
  let message = UnsafeMutablePointer<msghdr>.allocate(capacity: 1)
  private let pieces: UnsafeMutableBufferPointer<iovec>
  /// Keeps the pieces' memory: an array's elements stay where they are while the array is held and not changed.
  private let parts: [[UInt8]]
  private var next = 0

  /// The kernel takes at most this many pieces a call. `IOV_MAX`
  private static let mostPieces = 1024

  init(_ parts: [[UInt8]]) {
    self.parts = parts.filter { !$0.isEmpty }
    pieces = .allocate(capacity: self.parts.count)
    for (index, part) in self.parts.enumerated() {
      let base = part.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
      pieces.initializeElement(at: index, to: iovec(iov_base: base, iov_len: part.count))
    }
    message.initialize(to: msghdr())
    pointAtNext()
  }

  deinit {
    message.deallocate()
    pieces.deallocate()
  }

  var isEmpty: Bool { next == pieces.count }

  /// Bytes that are left.
  var count: Int { pieces[next...].reduce(0) { $0 + $1.iov_len } }

  /// Takes sent bytes off the front. True if nothing is left.
  func advance(by count: Int) -> Bool {
    var count = count
    while count > 0 {
      let taken = min(count, pieces[next].iov_len)
      pieces[next].iov_base += taken
      pieces[next].iov_len -= taken
      count -= taken
      if pieces[next].iov_len == 0 { next += 1 }
    }
    pointAtNext()
    return isEmpty
  }

  private func pointAtNext() {
    message.pointee.msg_iov = pieces.baseAddress.map { $0 + next }
    message.pointee.msg_iovlen = min(pieces.count - next, SendVector.mostPieces)
  }
}
