import Glibc

/// Where a socket is bound or connected to: an IPv4 or IPv6 address with a port.
///
/// A plain value without heap storage. Names are not resolved: an address is numeric. `ip(7)`, `ipv6(7)`
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  /// Addresses are in network byte order, in memory as the kernel has them; ports are in the host's.
  private enum Storage: Sendable, Hashable {
    case ipv4(address: UInt32, port: UInt16)
    case ipv6(high: UInt64, low: UInt64, scope: UInt32, port: UInt16)
  }

  private let storage: Storage

  private init(_ storage: Storage) { self.storage = storage }

  // MARK: Well-known addresses

  /// `127.0.0.1`, which only this machine reaches.
  ///
  /// - Parameter port: the port; 0 lets the kernel choose one when a socket is bound.
  public static func loopback(port: UInt16) -> SocketAddress {
    SocketAddress(.ipv4(address: UInt32(0x7f00_0001).bigEndian, port: port))
  }

  /// `0.0.0.0`, every IPv4 address of this machine.
  ///
  /// - Parameter port: the port; 0 lets the kernel choose one when a socket is bound.
  public static func any(port: UInt16) -> SocketAddress { SocketAddress(.ipv4(address: 0, port: port)) }

  /// `::1`, which only this machine reaches.
  ///
  /// - Parameter port: the port; 0 lets the kernel choose one when a socket is bound.
  public static func loopbackIPv6(port: UInt16) -> SocketAddress {
    SocketAddress(.ipv6(high: 0, low: UInt64(1).bigEndian, scope: 0, port: port))
  }

  /// `::`, every IPv6 address of this machine, and every IPv4 address where `net.ipv6.bindv6only` is 0.
  ///
  /// - Parameter port: the port; 0 lets the kernel choose one when a socket is bound.
  public static func anyIPv6(port: UInt16) -> SocketAddress {
    SocketAddress(.ipv6(high: 0, low: 0, scope: 0, port: port))
  }

  // MARK: Text

  /// Reads `127.0.0.1:80`, `localhost:80`, `[::1]:80` or `[fe80::1%eth0]:80`.
  ///
  /// - Parameter text: a numeric host and a port from 0 to 65535. An IPv6 host is in brackets; its scope is an
  ///   interface's name or index.
  /// - Throws: `ParseError`, which says what is wrong and what a right address looks like.
  public init(_ text: String) throws(ParseError) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
      throw ParseError(text, "has no port", example: "127.0.0.1:80")
    }
    let host = try SocketAddress.unbracketed(text[..<colon], of: text)
    let port = try SocketAddress.port(text[text.utf8.index(after: colon)...], of: text)
    try self.init(host: host, port: port)
  }

  /// Makes an address of a numeric host: `127.0.0.1`, `::1`, `fe80::1%eth0`, or `localhost`, which is `127.0.0.1`.
  ///
  /// - Parameters:
  ///   - host: an IPv4 address in dotted form or an IPv6 address, without brackets. A scope after `%` is an interface's
  ///     name or index. Other names are not resolved.
  ///   - port: the port; 0 lets the kernel choose one when a socket is bound.
  /// - Throws: `ParseError`, which says what is wrong and what a right host looks like.
  public init(host: String, port: UInt16) throws(ParseError) {
    if host == "localhost" {
      self = .loopback(port: port)
    } else if let address = SocketAddress.parseIPv4(host) {
      storage = .ipv4(address: address, port: port)
    } else if host.utf8.contains(UInt8(ascii: ":")) {
      storage = try SocketAddress.parseIPv6(host, port: port)
    } else {
      throw SocketAddress.badHost(host)
    }
  }

  /// The port, in the host's byte order.
  public var port: UInt16 {
    switch storage {
    case .ipv4(_, let port), .ipv6(_, _, _, let port): port
    }
  }

  /// Whether this is an IPv6 address.
  public var isIPv6: Bool {
    switch storage {
    case .ipv4: false
    case .ipv6: true
    }
  }

  /// The host without the port: `127.0.0.1`, `::1`, `fe80::1%2`. A scope is the interface's index, which needs no look at
  /// the machine's interfaces and stays right when one is renamed.
  public var host: String {
    switch storage {
    case .ipv4(let address, _): SocketAddress.format(AF_INET, address)
    case .ipv6(let high, let low, 0, _): SocketAddress.format(AF_INET6, (high, low))
    case .ipv6(let high, let low, let scope, _): SocketAddress.format(AF_INET6, (high, low)) + "%\(scope)"
    }
  }

  /// `127.0.0.1:80`, `[::1]:80` or `[fe80::1%2]:80`, which `init(_:)` reads back to an equal address.
  public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  // MARK: The kernel's form

  /// Reads an address that the kernel wrote, as `accept(2)` and `getsockname(2)` do.
  ///
  /// - Returns: `nil` for another family than IPv4 and IPv6, or where `length` is too short for the family.
  init?(_ storage: sockaddr_storage, length: socklen_t) {
    // The copy lives until the closure returns, and has room for an address of any family.
    let address: Storage? = withUnsafeBytes(of: storage) { bytes in
      switch Int32(storage.ss_family) {
      case AF_INET where Int(length) >= MemoryLayout<sockaddr_in>.size:
        let address = bytes.load(as: sockaddr_in.self)
        return .ipv4(address: address.sin_addr.s_addr, port: UInt16(bigEndian: address.sin_port))
      case AF_INET6 where Int(length) >= MemoryLayout<sockaddr_in6>.size:
        let address = bytes.load(as: sockaddr_in6.self)
        let (high, low) = unsafeBitCast(address.sin6_addr, to: (UInt64, UInt64).self)
        return .ipv6(high: high, low: low, scope: address.sin6_scope_id, port: UInt16(bigEndian: address.sin6_port))
      default:
        return nil
      }
    }
    guard let address else { return nil }
    self.storage = address
  }

  /// Calls `body` with the kernel's form of the address, valid until `body` returns, and its length in bytes.
  func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R) rethrows -> R {
    var storage = sockaddr_storage()
    // `storage` lives on this frame until `body` has returned, and is made to be seen as any family's `sockaddr`.
    return try withUnsafeMutablePointer(to: &storage) { pointer in
      let length = write(to: pointer)
      return try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
    }
  }

  /// Writes the kernel's form of the address.
  ///
  /// - Parameter target: where to; all of it is written, with zeros after the address.
  /// - Returns: the address's length in bytes.
  func write(to target: UnsafeMutablePointer<sockaddr_storage>) -> socklen_t {
    target.initialize(to: sockaddr_storage())
    // The caller's pointer, with room for an address of any family.
    let raw = UnsafeMutableRawPointer(target)
    switch storage {
    case .ipv4(let address, let port):
      var form = sockaddr_in()
      form.sin_family = sa_family_t(AF_INET)
      form.sin_port = port.bigEndian
      form.sin_addr.s_addr = address
      raw.storeBytes(of: form, as: sockaddr_in.self)
      return socklen_t(MemoryLayout<sockaddr_in>.size)
    case .ipv6(let high, let low, let scope, let port):
      var form = sockaddr_in6()
      form.sin6_family = sa_family_t(AF_INET6)
      form.sin6_port = port.bigEndian
      form.sin6_addr = unsafeBitCast((high, low), to: in6_addr.self)
      form.sin6_scope_id = scope
      raw.storeBytes(of: form, as: sockaddr_in6.self)
      return socklen_t(MemoryLayout<sockaddr_in6>.size)
    }
  }
}

// MARK: - Parsing

extension SocketAddress {
  /// Why a text is no address.
  public struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wrong, and what a right one looks like: `"127.0.0.1" has no port; an address looks like 127.0.0.1:80`.
    public let message: String

    /// The message.
    public var description: String { message }

    fileprivate init(_ text: some StringProtocol, _ problem: String, example: String) {
      message = "\"\(text)\" \(problem); a right one looks like \(example)"
    }
  }

  /// The host of `[host]:port` or `host:port`, without its brackets.
  private static func unbracketed(_ host: Substring, of text: String) throws(ParseError) -> String {
    if host.isEmpty { throw ParseError(text, "has no host", example: "127.0.0.1:80") }
    let isOpened = host.utf8.first == UInt8(ascii: "[")
    let isClosed = host.utf8.last == UInt8(ascii: "]")
    let hasColon = host.utf8.contains(UInt8(ascii: ":"))
    switch (isOpened, isClosed) {
    case (true, true) where hasColon: return String(host.dropFirst().dropLast())
    case (true, true): throw ParseError(text, "has brackets around what is no IPv6 address", example: "[::1]:80")
    case (false, false) where !hasColon: return String(host)
    case (false, false): throw ParseError(text, "has an IPv6 address without brackets", example: "[::1]:80")
    // `[::1]` without a port is cut at the address's own last colon.
    case (true, false) where text.utf8.last == UInt8(ascii: "]"):
      throw ParseError(text, "has no port", example: "[::1]:80")
    default: throw ParseError(text, "has a bracket too few", example: "[::1]:80")
    }
  }

  private static func port(_ digits: Substring, of text: String) throws(ParseError) -> UInt16 {
    let isNumber = (1...5).contains(digits.utf8.count) && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard isNumber, let port = UInt16(digits) else {
      throw ParseError(text, "has no port from 0 to 65535 after its last colon", example: "127.0.0.1:80")
    }
    return port
  }

  private static func parseIPv4(_ host: String) -> UInt32? {
    // A NUL would end the text early for inet_pton(3) and let anything follow.
    guard !host.utf8.contains(0) else { return nil }
    var address: UInt32 = 0
    return inet_pton(AF_INET, host, &address) == 1 ? address : nil
  }

  private static func parseIPv6(_ host: String, port: UInt16) throws(ParseError) -> Storage {
    let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    var address: (high: UInt64, low: UInt64) = (0, 0)
    // As for IPv4, no NUL. The address is read into 16 bytes, which is what the family has.
    guard !host.utf8.contains(0), inet_pton(AF_INET6, String(parts[0]), &address) == 1 else { throw badHost(host) }
    let scope = parts.count == 2 ? try scope(parts[1], of: host) : 0
    return .ipv6(high: address.high, low: address.low, scope: scope, port: port)
  }

  /// An interface's index, from the index or the name. RFC 4007, section 11
  private static func scope(_ text: Substring, of host: String) throws(ParseError) -> UInt32 {
    if !text.isEmpty && text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let index = UInt32(text) { return index }
    let index = if_nametoindex(String(text))
    if index == 0 { throw ParseError(host, "names no interface of this machine after %", example: "fe80::1%lo") }
    return index
  }

  private static func badHost(_ host: String) -> ParseError {
    if host.utf8.first == UInt8(ascii: "[") {
      return ParseError(host, "is a host in brackets, which belong to the form with a port only", example: "::1")
    }
    return ParseError(
      host,
      "is no numeric address, and names but localhost are not resolved here",
      example: "127.0.0.1 or ::1"
    )
  }

  /// `inet_ntop(3)` of an address in network byte order.
  private static func format<Address>(_ family: Int32, _ address: Address) -> String {
    withUnsafeBytes(of: address) { address in
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
        // Both buffers are valid in this closure. The text has room for the longest address of both families, so the
        // call cannot fail, and the text ends with a NUL.
        inet_ntop(family, address.baseAddress, text.baseAddress, socklen_t(text.count))
        return String(cString: text.baseAddress!)
      }
    }
  }
}
