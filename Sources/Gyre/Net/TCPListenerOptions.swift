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
    /// What accepted connections inherit.
    public var connection = TCPOptions()

    /// The defaults.
    public init() {}

    func validate() throws(ConfigurationError) {
      guard (1...Int(Int32.max)).contains(backlog) else {
        throw ConfigurationError("backlog is \(backlog): use 1 or more")
      }
      try connection.validate()
    }
  }
}
