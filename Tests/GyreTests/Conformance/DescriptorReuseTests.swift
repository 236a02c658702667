import CLiburing
import Glibc
import Testing

@testable import Gyre

/// A descriptor's number is used only while it is known to be the socket's own.
@Suite(.serialized)
struct DescriptorReuseTests {
  /// An option of a connection that is being closed must not reach a newer socket with the same number.
  @Test(arguments: Backends.available)
  func anOptionNeverReachesAnotherSocket(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      var failures = 0
      for yields in 0..<300 {
        try await Pair.with(loop) { pair in
          let server = pair.server
          let setting = start(on: loop) { try await server.setOption(level: SOL_SOCKET, name: SO_PRIORITY, to: 5) }
          for _ in 0..<yields { await Task.yield() }
          server.socket.abandon()
          let others = (0..<3).map { _ in Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
          _ = await setting.result
          for other in others {
            if try SystemSocket.get(SOL_SOCKET, SO_PRIORITY, of: other) != 0 { failures += 1 }
            Glibc.close(other)
          }
        }
      }
      #expect(failures == 0)
    }
  }
}
