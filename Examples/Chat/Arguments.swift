import Gyre

/// The command line: `Chat [PORT]`.
enum Arguments {
  /// Where to listen.
  static func address() throws -> SocketAddress {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count <= 1 else { throw UsageError(description: "usage: Chat [PORT]") }
    return try SocketAddress("127.0.0.1:\(arguments.first ?? "7001")")
  }
}
