import Testing

@testable import Gyre

/// The ring's own table of files, when more connections come than it has room for.
@Suite(.serialized, .needsDirectDescriptors)
struct DirectTableTests {
  /// One accept takes as many connections as are queued, before the loop can count them: none may find the table full.
  /// The smaller completion queue leaves a part of the table to be used.
  @Test(arguments: Backends.available, [(1, 4096), (256, 4096), (64, 16), (256, 16)])
  func aBurstOnASmallTableOfDirectDescriptorsLosesNobody(_ backend: Backend, _ sizes: (Int, UInt32)) async throws {
    let (table, completions) = sizes
    let configure = { @Sendable (configuration: inout EventLoop.Configuration) in
      configuration.directDescriptors = table
      configuration.ring = Ring.Size(submissions: 16, completions: completions)
    }
    let sawDirect = Shared(false)
    try await withLoop(backend, configure: configure) { loop in
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      var clients: [TCPConnection] = []
      for _ in 0..<700 { clients.append(try await .connect(to: listener.address, on: loop)) }
      let serving = start(on: loop) {
        try await listener.serve { connection in
          if connection.socket.descriptor.isDirect { sawDirect.update { $0 = true } }
          while let chunk = try await connection.receive() { try await connection.send(chunk) }
        }
      }
      var lost = 0
      for client in clients {
        do {
          try await client.send("?")
          if try await client.receive(exactly: 1).isEmpty { lost += 1 }
        } catch {
          lost += 1
        }
      }
      #expect(lost == 0)
      for client in clients { await client.close() }
      await listener.close()
      try await serving.value
    }
    #expect(sawDirect.value == (backend == .uring && completions < table))
  }
}
