@preconcurrency import Glibc
import Gyre

/// Accepts clients and connects each to the target.
struct ProxyServer {
  let target: SocketAddress

  /// Serves until the task is cancelled.
  func run(at address: SocketAddress) async throws {
    let listener = try TCPListener.bind(to: address)
    print("listening on \(listener.address), passing on to \(target)")
    fflush(stdout)
    try await listener.serve(onError: { fputs("proxy: \($0)\n", stderr) }) { client in
      // Both are closed when this ends, however it ends: the client by `serve`, the other by its scope.
      do {
        try await TCPConnection.withConnection(to: target) { server in
          try await Relay(client: client, server: server).run()
        }
      } catch {
        // Half an answer, or none, must not look like a whole one.
        await client.reset()
        throw error
      }
    }
  }
}
