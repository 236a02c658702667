extension TCPListener {
  /// How a listener is made. `listen(2)`, `socket(7)`
  public struct Options: Sendable, Equatable {
    /// Connections that the kernel may hold ready for `accept`. The sysctl `net.core.somaxconn` bounds it. Default: 4,096.
    public var backlog = 4096
    /// Allow the address of a listener that closed a moment ago. Default: true. `SO_REUSEADDR`
    public var reuseAddress = true
    /// Share the port with other listeners that set this too; the kernel spreads connections. Default: false.
    /// `SO_REUSEPORT`
    public var reusePort = false
    /// Leave a connection in the SYN queue until its client has sent something, for at least this long: what waits to be
    /// accepted has something to say. Whole seconds; `nil` does not wait. Default: `nil`. `TCP_DEFER_ACCEPT`, `tcp(7)`
    public var deferAccept: Duration?
    /// What accepted connections inherit.
    public var connection = TCPOptions()

    /// The defaults.
    public init() {}

    func validate() throws(ConfigurationError) {
      guard (1...Int(Int32.max)).contains(backlog) else {
        throw ConfigurationError("backlog is \(backlog): use 1 to \(Int32.max)")
      }
      if let deferAccept, !(.seconds(1)...(.seconds(3600))).contains(deferAccept) {
        throw ConfigurationError("deferAccept is \(deferAccept): use 1 to 3600 seconds")
      }
      try connection.validate()
    }
  }
}
