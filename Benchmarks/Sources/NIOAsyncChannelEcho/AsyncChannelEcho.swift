// SwiftNIO with structured concurrency: NIOAsyncChannel, one event loop, a child task a connection.
//
// The tasks run on the default executor, as NIO's documentation has it. NIO can install itself as the global executor,
// but only with the dynamic standard library, and a first look showed no gain.

import EchoOptions
import NIOCore
import NIOPosix

typealias EchoChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

@main
enum AsyncChannelEcho {
  static func main() throws {
    let options = EchoOptions()
    NIOSingletons.groupLoopCountSuggestion = 1
    // The main thread blocks here: it is no event loop and runs no task.
    let finished = NIOSingletons.posixEventLoopGroup.any().makePromise(of: Void.self)
    finished.completeWithTask { try await serve(options) }
    try finished.futureResult.wait()
  }

  private static func serve(_ options: EchoOptions) async throws {
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .bind(host: "127.0.0.1", port: options.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try EchoChannel(wrappingChannelSynchronously: channel)
        }
      }
    announce(port: listener.channel.localAddress?.port)
    try await withThrowingDiscardingTaskGroup { group in
      try await listener.executeThenClose { connections in
        for try await connection in connections {
          group.addTask { await serve(connection, isSink: options.isSink) }
        }
      }
    }
  }

  private static func serve(_ connection: EchoChannel, isSink: Bool) async {
    // A failing connection must not take the server with it.
    try? await connection.executeThenClose { inbound, outbound in
      for try await chunk in inbound where !isSink {
        try await outbound.write(chunk)
      }
    }
  }
}
