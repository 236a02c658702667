/// What a TCP connection is made with. Set on a listener, accepted connections inherit it: no system call each. `tcp(7)`
public struct TCPOptions: Sendable, Equatable {
  /// Send small segments at once instead of waiting for acknowledgements of earlier ones. Default: true. `TCP_NODELAY`
  public var noDelay = true
  /// Have the kernel probe idle peers. Default: false. `SO_KEEPALIVE`
  public var keepAlive = false
  /// Bytes of the kernel's receive buffer; `nil` leaves its automatic tuning on. The kernel doubles the value. `SO_RCVBUF`
  public var receiveBufferSize: Int?
  /// Bytes of the kernel's send buffer; `nil` leaves its automatic tuning on. The kernel doubles the value. `SO_SNDBUF`
  public var sendBufferSize: Int?

  /// The defaults.
  public init() {}

  func validate() throws(ConfigurationError) {
    for (name, value) in [("receiveBufferSize", receiveBufferSize), ("sendBufferSize", sendBufferSize)] {
      guard let value, !(1...Int(Int32.max / 2)).contains(value) else { continue }
      throw ConfigurationError("\(name) is \(value): use 1 to \(Int32.max / 2) bytes")
    }
  }
}
