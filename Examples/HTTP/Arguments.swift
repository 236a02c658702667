import Gyre

/// The command line: `HTTP [PORT [SECONDS]]`.
struct Arguments {
  /// Where to listen.
  let address: SocketAddress
  /// How long a client may take for the head of a request.
  let patience: Duration

  init() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count <= 2 else {
      throw UsageError(description: "usage: HTTP [PORT [SECONDS]], for example HTTP 7004 10")
    }
    address = try SocketAddress("127.0.0.1:\(arguments.first ?? "7004")")
    let text = arguments.count == 2 ? arguments[1] : "10"
    guard let seconds = Double(text), (0.1...3600).contains(seconds) else {
      throw UsageError(description: "“\(text)” is no number of seconds from 0.1 to 3600")
    }
    patience = .seconds(seconds)
  }
}
