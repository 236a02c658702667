import Glibc
import Gyre

/// A server in a process of its own, for chapters that compare processes. It ends when its input does, with whoever
/// started it.
///
/// It answers a request of one `?` with what its loop's driver has counted, of one `!` with the threads that
/// accepted and that answer, and sends everything else back.
struct TourServer {
  let port: UInt16
  let backend: BackendChoice

  func run() throws {
    var configuration = EventLoop.Configuration(backend: backend)
    // Its system calls are counted: none of them is to be of a table that is set up late.
    configuration.directDescriptors = 0
    let port = port
    try EventLoop.run(configuration) {
      var options = TCPListener.Options()
      options.reusePort = true
      let listener = try TCPListener.bind(to: .loopback(port: port), options: options)
      try Output.say("\(listener.address.port)")
      TourServer.endWithInput()
      let thread = ThreadIdentity.current
      try await listener.serve { try await TourServer.answer($0, thread) }
    }
  }

  /// The port that a server in a process of its own listens on, once it does.
  static func port(saidBy process: OwnProcess) throws -> UInt16 {
    guard let port = UInt16(try process.line()) else { throw TourError("a server that was started has no port") }
    return port
  }

  /// Serves one connection that `acceptor` has accepted.
  static func answer(_ connection: TCPConnection, _ acceptor: ThreadIdentity) async throws {
    while let chunk = try await connection.receive() {
      switch chunk.text {
      case "?":
        let statistics = try await connection.loop.statistics
        try await connection.send("\(statistics.waits) \(statistics.calls)")
      case "!": try await connection.send(Answerer(acceptor: acceptor).text)
      default: try await connection.send(chunk)
      }
    }
  }

  private static func endWithInput() {
    var thread = pthread_t()
    pthread_create(
      &thread,
      nil,
      { _ in
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 {}
        _exit(0)
      },
      nil
    )
    pthread_detach(thread)
  }
}
