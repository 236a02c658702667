import ArgumentParser
import Glibc
import Gyre

@main
struct GyreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "gyre", subcommands: [Echo.self])
}

struct Echo: ParsableCommand {
  @Option var backend = "auto"
  @Option var port: UInt16 = 0
  @Flag var noDirect = false

  func run() throws {
    var configuration = EventLoop.Configuration(backend: BackendChoice(rawValue: backend) ?? .automatic)
    if noDirect { configuration.directDescriptors = 0 }
    let port = port
    try EventLoop.run(configuration) {
      let listener = try TCPListener.bind(to: SocketAddress(host: "127.0.0.1", port: port))
      print("listening on \(listener.address)")
      fflush(nil)
      try await listener.serve { connection in
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    }
  }
}
