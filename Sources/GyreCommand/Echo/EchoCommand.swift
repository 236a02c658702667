import ArgumentParser
import Gyre

/// `gyre echo`: a server that sends back what it receives.
struct EchoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "echo",
    abstract: "Runs a TCP server that sends back what it receives.",
    discussion: """
      Prints `listening on ADDRESS` once it does. Ctrl-C or SIGTERM ends it: it stops accepting, gives the connections \
      a second to end, closes them, and exits with 0. A second signal ends it at once.
      """
  )

  @Option(help: "The address to listen on: numeric, or localhost. 0.0.0.0 or :: is every address of this machine.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 lets the kernel choose a free one.")
  var port: UInt16 = 0

  @Option(help: "What does the I/O. auto is io_uring where the kernel allows it, unless GYRE_BACKEND says otherwise.")
  var backend = BackendChoice.automatic

  @Flag(help: "Accept ordinary descriptors instead of io_uring's direct ones.")
  var noDirect = false

  @Flag(help: "Say at the end what the server and its loop have done.")
  var stats = false

  @Option(help: ArgumentHelp("Tell `gyre watch --inspect` of the loop's queues, at a Unix socket.", valueName: "path"))
  var inspect: String?

  @Option(
    help: ArgumentHelp(
      "Write the hand-off trace of the next connections to a file, when the last of them is closed or the server ends.",
      discussion: "A name that ends in .json gets the format of ui.perfetto.dev, any other one plain text.",
      valueName: "file"
    )
  )
  var trace: String?

  @Option(help: "How many connections to trace.")
  var traceConnections = 10

  func validate() throws {
    _ = try address()
    if traceConnections < 1 { throw ValidationError("--trace-connections is \(traceConnections): use 1 or more") }
  }

  func run() throws {
    SignalWatch.block()
    var configuration = EventLoop.Configuration(backend: backend)
    if noDirect { configuration.directDescriptors = 0 }
    let server = EchoServer(
      address: try address(),
      reportsStatistics: stats,
      inspectionPath: inspect,
      trace: try trace.map { try EchoTrace(path: $0, connections: traceConnections) }
    )
    try GlobalExecutor.run(configuration) { try await server.run() }
  }

  private func address() throws -> SocketAddress { try SocketAddress(hostOption: host, port: port) }
}
