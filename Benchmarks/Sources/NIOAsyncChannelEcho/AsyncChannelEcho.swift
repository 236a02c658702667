// SwiftNIO with structured concurrency: NIOAsyncChannel, one event loop, a child task a connection.

import EchoOptions
import NIOCore
import NIOPosix

typealias EchoChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

@main
enum AsyncChannelEcho {
  /// Runs Swift's tasks on NIO's own event loop, which saves a thread hop each way. NIO calls this unsafe and
  /// leaves it off, and so does this server unless asked.
  static let onLoopFlag = "--on-loop"

  static func main() throws {
    let options = EchoOptions(allowing: [onLoopFlag])
    NIOSingletons.groupLoopCountSuggestion = 1
    if options.flags.contains(onLoopFlag) {
      guard NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor() else {
        fatalError("this NIO cannot be the global executor of this Swift")
      }
    }
    // The main thread blocks here: it is no event loop and runs no task.
    let finished = NIOSingletons.posixEventLoopGroup.any().makePromise(of: Void.self)
    finished.completeWithTask { try await serve(port: options.port) }
    try finished.futureResult.wait()
  }

  private static func serve(port: Int) async throws {
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .bind(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try EchoChannel(wrappingChannelSynchronously: channel)
        }
      }
    announce(port: listener.channel.localAddress?.port)
    try await withThrowingDiscardingTaskGroup { group in
      try await listener.executeThenClose { connections in
        for try await connection in connections {
          group.addTask { await echo(connection) }
        }
      }
    }
  }

  private static func echo(_ connection: EchoChannel) async {
    // A failing connection must not take the server with it.
    try? await connection.executeThenClose { inbound, outbound in
      for try await chunk in inbound {
        try await outbound.write(chunk)
      }
    }
  }
}
