import CLiburing
import Glibc
import Testing

@testable import Gyre

struct SocketAddressTests {
  // MARK: Reading

  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1", 80, false), ("0.0.0.0:0", "0.0.0.0", 0, false),
    ("255.255.255.255:65535", "255.255.255.255", 65535, false), ("localhost:7000", "127.0.0.1", 7000, false),
    ("[::1]:80", "::1", 80, true), ("[::]:0", "::", 0, true), ("[2001:db8:0:0:0:0:0:1]:443", "2001:db8::1", 443, true),
    ("[2001:DB8::A]:443", "2001:db8::a", 443, true), ("[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80, true),
    ("[fe80::1%7]:80", "fe80::1%7", 80, true), ("[fe80::1%0]:80", "fe80::1", 80, true),
    ("[fe80::1%4294967295]:80", "fe80::1%4294967295", 80, true),
  ])
  func reads(text: String, host: String, port: UInt16, isIPv6: Bool) throws {
    let address = try SocketAddress(text)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.isIPv6 == isIPv6)
    #expect(try SocketAddress(address.description) == address)
    #expect(try SocketAddress(host: host, port: port) == address)
  }

  @Test func aScopeIsAnInterfacesNameOrIndex() throws {
    let index = if_nametoindex("lo")
    try #require(index > 0)
    let named = try SocketAddress("[fe80::1%lo]:80")
    #expect(named.description == "[fe80::1%\(index)]:80")
    #expect(try named == SocketAddress("[fe80::1%\(index)]:80"))
    #expect(try named != SocketAddress("[fe80::1]:80"))
  }

  @Test(arguments: [
    ("", "no port"), ("127.0.0.1", "no port"), ("localhost", "no port"), ("[::1]", "no port"), (":80", "no host"),
    ("127.0.0.1:", "0 to 65535"), ("127.0.0.1:65536", "0 to 65535"), ("127.0.0.1:99999999999", "0 to 65535"),
    ("127.0.0.1:+80", "0 to 65535"), ("127.0.0.1:-1", "0 to 65535"), ("127.0.0.1: 80", "0 to 65535"),
    ("127.0.0.1:80 ", "0 to 65535"), ("127.0.0.1:http", "0 to 65535"), ("127.0.0.1:٨٠", "0 to 65535"),
    ("127.0.0.1:80\0", "0 to 65535"), ("[::1]:", "0 to 65535"), ("[::1]x:80", "bracket"), ("[::1:80", "bracket"),
    ("::1]:80", "bracket"), ("::1:80", "without brackets"), ("::", "without brackets"), ("127.0.0.1:80:90", "brackets"),
    ("[127.0.0.1]:80", "no IPv6 address"), ("[]:80", "no IPv6 address"), ("[lo]:80", "no IPv6 address"),
    ("[[::1]]:80", "in brackets"), ("[::1::2]:80", "no numeric"), ("[12345::]:80", "no numeric"),
    ("[::1\0]:80", "no numeric"), ("127.0.0.1\0:80", "no numeric"), ("127.0.0:80", "no numeric"),
    ("127.0.0.256:80", "no numeric"), ("127.0.0.01:80", "no numeric"), (" 127.0.0.1:80", "no numeric"),
    ("2130706433:80", "no numeric"), ("0x7f.0.0.1:80", "no numeric"), ("example.com:80", "no numeric"),
    ("LOCALHOST:80", "no numeric"), ("é:80", "no numeric"), ("127.0.0.1%lo:80", "no numeric"),
    ("[fe80::1%]:80", "no interface"), ("[fe80::1%no-such-interface]:80", "no interface"),
    ("[fe80::1%4294967296]:80", "no interface"), ("[fe80::1%-1]:80", "no interface"),
    ("[fe80::1%lo%lo]:80", "no interface"), ("[%lo]:80", "no IPv6 address"), ("[fe80::1%lo\0]:80", "no numeric"),
  ])
  func refuses(text: String, because reason: String) {
    let error = #expect(throws: SocketAddress.ParseError.self) { try SocketAddress(text) }
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "no error")")
    #expect(error?.message.contains("; a right one looks like ") == true)
    #expect(error?.description == error?.message)
  }

  @Test(arguments: ["", "[::1]", "::1 ", "127.0.0.1:80", "example.com", "::1%", "::1\0", "%lo"])
  func refusesHosts(host: String) {
    #expect(throws: SocketAddress.ParseError.self) { try SocketAddress(host: host, port: 80) }
  }

  @Test func errorsQuoteTheTextAndShowARightOne() {
    let error = #expect(throws: SocketAddress.ParseError.self) { try SocketAddress("127.0.0.1") }
    #expect(error?.message == #""127.0.0.1" has no port; a right one looks like 127.0.0.1:80"#)
  }

  // MARK: Well-known addresses

  @Test func wellKnownAddresses() throws {
    #expect(SocketAddress.loopback(port: 80).description == "127.0.0.1:80")
    #expect(SocketAddress.any(port: 0).description == "0.0.0.0:0")
    #expect(SocketAddress.loopbackIPv6(port: 80).description == "[::1]:80")
    #expect(SocketAddress.anyIPv6(port: 65535).description == "[::]:65535")
    #expect(try SocketAddress.loopback(port: 80) == SocketAddress("localhost:80"))
    #expect(SocketAddress.any(port: 0) != SocketAddress.anyIPv6(port: 0))
  }

  @Test func itIsASmallValue() {
    #expect(MemoryLayout<SocketAddress>.size <= 24)
  }

  // MARK: The kernel's form

  @Test func theKernelReadsWhatIsWritten() throws {
    try SocketAddress("192.0.2.1:258").withSockaddr { pointer, length in
      #expect(length == 16 && pointer.pointee.sa_family == AF_INET)
      let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(length))
      #expect(Array(bytes[2..<8]) == [1, 2, 192, 0, 2, 1], "port and address in network byte order")
      #expect(bytes[8...].allSatisfy { $0 == 0 })
    }
    try SocketAddress("[2001:db8::1%3]:258").withSockaddr { pointer, length in
      #expect(length == 28 && pointer.pointee.sa_family == AF_INET6)
      let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(length))
      #expect(Array(bytes[2..<12]) == [1, 2, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8])
      #expect(bytes[23] == 1 && bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self) == 3)
    }
  }

  @Test func otherFamiliesAndShortLengthsAreNoAddress() throws {
    var storage = sockaddr_storage()
    #expect(SocketAddress(storage, length: 0) == nil)
    #expect(SocketAddress(storage, length: 128) == nil)
    storage.ss_family = sa_family_t(AF_UNIX)
    #expect(SocketAddress(storage, length: 128) == nil)
    for (address, length) in [(SocketAddress.loopback(port: 1), 16), (.loopbackIPv6(port: 1), 28)] {
      let written = address.write(to: &storage)
      #expect(written == length)
      #expect(SocketAddress(storage, length: written) == address)
      #expect(SocketAddress(storage, length: written - 1) == nil)
      #expect(SocketAddress(storage, length: 128) == address)
    }
  }

  @Test func writingLeavesNothingOfAnEarlierAddress() throws {
    var storage = sockaddr_storage()
    _ = try SocketAddress("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535").write(to: &storage)
    _ = SocketAddress.any(port: 0).write(to: &storage)
    withUnsafeBytes(of: storage) { bytes in #expect(bytes[2...].allSatisfy { $0 == 0 }) }
  }

  @Test(arguments: [SocketAddress.loopback(port: 0), .loopbackIPv6(port: 0)])
  func aSocketIsBoundToIt(address: SocketAddress) throws {
    let socket = socket(address.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    // A machine without IPv6 has no such socket, and that is the kernel's answer.
    guard socket >= 0 else {
      #expect(errno == EAFNOSUPPORT && address.isIPv6)
      return
    }
    defer { close(socket) }
    guard address.withSockaddr({ bind(socket, $0, $1) }) == 0 else {
      #expect(errno == EADDRNOTAVAIL && address.isIPv6)
      return
    }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    #expect(result == 0)
    let bound = try #require(SocketAddress(storage, length: length))
    #expect(bound.host == address.host && bound.port != 0)
  }

  // MARK: Random addresses

  @Test func randomAddressesComeBackFromTextAndFromTheKernelsForm() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("SocketAddressTests seed: \(seed)")
    var random = SplitMix(state: seed)
    var seen: Set<SocketAddress> = []
    for _ in 0..<5000 {
      let address = try SocketAddressTests.address(from: &random)
      let read = try SocketAddress(address.description)
      #expect(read == address, "seed \(seed)")
      #expect(try SocketAddress(host: address.host, port: address.port) == address, "seed \(seed)")
      var storage = sockaddr_storage()
      let length = address.write(to: &storage)
      #expect(SocketAddress(storage, length: length) == address, "seed \(seed)")
      seen.insert(address)
      #expect(seen.contains(read), "seed \(seed)")
    }
  }

  @Test func randomTextIsReadOrRefusedAndNeverTraps() {
    let seed = UInt64.random(in: .min ... .max)
    print("SocketAddressTests seed: \(seed)")
    var random = SplitMix(state: seed)
    let alphabet = Array("0123456789abcdef::::....[[]]%%lo \0é")
    for _ in 0..<20_000 {
      let text = String(
        (0..<Int.random(in: 0...20, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
      )
      guard let address = try? SocketAddress(text) else { continue }
      #expect((try? SocketAddress(address.description)) == address, "\(text), seed \(seed)")
    }
  }

  /// An address of either family, with many zero groups, as `::` shortens those.
  private static func address(from random: inout SplitMix) throws -> SocketAddress {
    let port = UInt16.random(in: .min ... .max, using: &random)
    if Bool.random(using: &random) {
      let bytes = (0..<4).map { _ in String(UInt8.random(in: .min ... .max, using: &random)) }
      return try SocketAddress(host: bytes.joined(separator: "."), port: port)
    }
    let groups = (0..<8).map { _ in
      Bool.random(using: &random) ? "0" : String(UInt16.random(in: .min ... .max, using: &random), radix: 16)
    }
    let scope = Bool.random(using: &random) ? "%\(UInt32.random(in: .min ... .max, using: &random))" : ""
    return try SocketAddress(host: groups.joined(separator: ":") + scope, port: port)
  }

  /// A generator that starts where the seed says, so that a failure can be repeated.
  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
  }
}
