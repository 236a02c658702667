import CLiburing
import Glibc
import Testing

@testable import Gyre

/// Answers that no kernel should give.
@Suite struct NetlinkReplyTests {
  @Test func structsAreTheKernels() {
    #expect(MemoryLayout<nlmsghdr>.size == 16)
    #expect(MemoryLayout<nlattr>.size == 4)
    #expect(MemoryLayout<inet_diag_req_v2>.size == 56)
    #expect(MemoryLayout<inet_diag_req_v2>.offset(of: \.id) == 8)
    #expect(MemoryLayout<inet_diag_msg>.size == 72)
    #expect(MemoryLayout<inet_diag_msg>.offset(of: \.id) == 4)
    #expect(MemoryLayout<inet_diag_msg>.offset(of: \.idiag_rqueue) == 56)
    #expect(MemoryLayout<inet_diag_msg>.offset(of: \.idiag_inode) == 68)
  }

  @Test func messagesComeInOrderUntilTheLast() throws {
    let first = message(type: 20, payload: [1, 2, 3, 4, 5])
    let (more, seen) = try read(first + message(type: 21, payload: []))
    #expect(!more)
    #expect(seen == [Seen(type: 20, payload: [1, 2, 3, 4, 5]), Seen(type: 21, payload: [])])
    let (done, last) = try read(first + message(type: NLMSG_DONE, payload: [0, 0, 0, 0]) + [1, 2])
    #expect(done)
    #expect(last.count == 1)
  }

  @Test func whatAnswersAnotherQuestionIsPassedOver() throws {
    let (done, seen) = try read(
      message(type: 20, sequence: 8, payload: [1]) + message(type: NLMSG_DONE, sequence: 8, payload: [0, 0, 0, 0])
        + message(type: NLMSG_ERROR, sequence: 8, payload: [0xff, 0xff, 0xff, 0xff])
        + message(type: NLMSG_NOOP, payload: [])
        + message(type: 20, payload: [2])
    )
    #expect(!done)
    #expect(seen == [Seen(type: 20, payload: [2])])
  }

  @Test(arguments: [NLMSG_ERROR, NLMSG_DONE])
  func anErrorIsThrown(type: Int32) {
    let payload = withUnsafeBytes(of: -EACCES) { Array($0) }
    #expect(throws: Errno.permissionDenied) { _ = try read(message(type: type, payload: payload)) }
  }

  @Test func anOverrunIsAnError() {
    #expect(throws: Errno(rawValue: EOVERFLOW)) { _ = try read(message(type: NLMSG_OVERRUN, payload: [])) }
  }

  @Test(arguments: [0, 15, 25, 0x7fff_ffff, 0xffff_ffff] as [UInt32])
  func aWrongLengthIsAnError(length: UInt32) {
    var bytes = message(type: 20, payload: [1, 2, 3, 4, 5, 6, 7, 8])
    withUnsafeBytes(of: length) { bytes.replaceSubrange(0..<4, with: $0) }
    #expect(throws: Errno(rawValue: EBADMSG)) { _ = try read(bytes) }
  }

  @Test func aBrokenHeaderIsAnError() {
    #expect(throws: Errno(rawValue: EBADMSG)) { _ = try read(Array(message(type: 20, payload: []).prefix(15))) }
  }

  @Test func attributesEndWhereTheyBreakTheFormat() {
    let whole: [UInt8] = [5, 0, 1, 0x80, 42, 0, 0, 0, 4, 0, 2, 0]
    for broken in [[3, 0, 3, 0], [9, 0, 3, 0, 1], [4, 0], []] as [[UInt8]] {
      let bytes = whole + broken
      var seen: [Seen] = []
      NetlinkReply.forEachAttribute(in: bytes.span.bytes) { type, value in
        seen.append(Seen(type: type, payload: value.withUnsafeBytes { Array($0) }))
      }
      #expect(seen == [Seen(type: 1, payload: [42]), Seen(type: 2, payload: [])])
    }
  }

  @Test func socketsOfUnknownKindsArePassedOver() {
    var message = inet_diag_msg()
    (message.idiag_family, message.idiag_state) = (UInt8(AF_INET), 1)
    #expect(socket(message) != nil)
    (message.idiag_family, message.idiag_state) = (UInt8(AF_UNIX), 1)
    #expect(socket(message) == nil)
    (message.idiag_family, message.idiag_state) = (UInt8(AF_INET6), 99)
    #expect(socket(message) == nil)
    let short = [UInt8](repeating: 2, count: 71)
    let none = DiagnosedSocket(message: short.span.bytes)
    #expect(none == nil)
  }

  /// A kernel writes as much of its structs as it knows.
  @Test func attributesMayBeShort() throws {
    for length in 0...300 {
      let bytes = message(attributesOf: length)
      let read = DiagnosedSocket(message: bytes.span.bytes)
      let socket = try #require(read)
      #expect((socket.drops == nil) == (length < 36))
      #expect((socket.path == nil) == (length < 104))
      #expect((socket.path?.unsent == nil) == (length < 148))
      #expect((socket.path?.sendWindow == nil) == (length < 232))
      #expect((socket.path?.receiveWindow == nil) == (length < 236))
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func noiseHarmsNobody(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var messages = 0
    for _ in 0..<20_000 {
      var bytes = message(type: 20, payload: (0..<Int.random(in: 0...120, using: &random)).map { UInt8($0) })
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = try? NetlinkReply.read(bytes.span.bytes, sequence: 7) { _, payload in
        messages += 1
        NetlinkReply.forEachAttribute(in: payload) { _, _ in }
        _ = DiagnosedSocket(message: payload)
      }
    }
    #expect(messages > 1000, "seed \(seed)")
  }

  // MARK: Messages

  private struct Seen: Equatable {
    let type: UInt16
    let payload: [UInt8]
  }

  private func read(_ bytes: [UInt8]) throws(Errno) -> (isDone: Bool, [Seen]) {
    var seen: [Seen] = []
    let isDone = try NetlinkReply.read(bytes.span.bytes, sequence: 7) { type, payload in
      seen.append(Seen(type: type, payload: payload.withUnsafeBytes { Array($0) }))
    }
    return (isDone, seen)
  }

  private func socket(_ message: inet_diag_msg) -> DiagnosedSocket? {
    let bytes = withUnsafeBytes(of: message) { Array($0) }
    return DiagnosedSocket(message: bytes.span.bytes)
  }

  /// A connection with two attributes of that many bytes.
  private func message(attributesOf length: Int) -> [UInt8] {
    var message = inet_diag_msg()
    (message.idiag_family, message.idiag_state) = (UInt8(AF_INET), 1)
    var bytes = withUnsafeBytes(of: message) { Array($0) }
    for type in [INET_DIAG_INFO, INET_DIAG_SKMEMINFO] {
      bytes += [UInt8(truncatingIfNeeded: length + 4), UInt8((length + 4) >> 8), UInt8(type), 0]
      bytes += [UInt8](repeating: 1, count: length) + [UInt8](repeating: 0, count: (4 - length % 4) % 4)
    }
    return bytes
  }

  private func message(type: Int32, sequence: UInt32 = 7, payload: [UInt8]) -> [UInt8] {
    var header = nlmsghdr()
    header.nlmsg_len = UInt32(16 + payload.count)
    header.nlmsg_type = UInt16(type)
    header.nlmsg_seq = sequence
    return withUnsafeBytes(of: header) { Array($0) } + payload
      + [UInt8](repeating: 0, count: (4 - payload.count % 4) % 4)
  }
}
