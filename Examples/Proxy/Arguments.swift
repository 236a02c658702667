import Gyre

/// The command line: `Proxy PORT TARGET`.
struct Arguments {
  /// Where to listen.
  let address: SocketAddress
  /// Where to pass connections on to.
  let target: SocketAddress

  init() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 2 else {
      throw UsageError(description: "usage: Proxy PORT TARGET, for example Proxy 7002 127.0.0.1:7000")
    }
    address = try SocketAddress("127.0.0.1:\(arguments[0])")
    target = try SocketAddress(arguments[1])
  }
}
