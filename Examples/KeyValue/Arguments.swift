import Gyre

/// The command line: `KeyValue [PORT [IMAGE]]`.
struct Arguments {
  /// Where to listen.
  let address: SocketAddress
  /// Where the image of the keys is kept.
  let image: String

  init() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count <= 2 else {
      throw UsageError(description: "usage: KeyValue [PORT [IMAGE]], for example KeyValue 7003 keys.image")
    }
    address = try SocketAddress("127.0.0.1:\(arguments.first ?? "7003")")
    image = arguments.count == 2 ? arguments[1] : "keyvalue.image"
    guard !image.isEmpty else { throw UsageError(description: "the image’s file name is empty") }
  }
}
