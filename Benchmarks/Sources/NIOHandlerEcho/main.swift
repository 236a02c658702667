// SwiftNIO at its lowest level: a channel handler on one event loop, no Swift concurrency.

import EchoOptions
import NIOCore
import NIOPosix

private final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.write(data, promise: nil)
  }

  // One flush for everything read in this turn lets NIO gather the writes.
  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

private final class SinkHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

let options = EchoOptions()
let isSink = options.isSink
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let bootstrap = ServerBootstrap(group: group)
  .serverChannelOption(.backlog, value: 4096)
  .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
  .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
  .childChannelInitializer { channel in
    channel.eventLoop.makeCompletedFuture {
      let handlers: [any ChannelHandler] = isSink ? [SinkHandler()] : [BackPressureHandler(), EchoHandler()]
      try channel.pipeline.syncOperations.addHandlers(handlers)
    }
  }

let listener = try bootstrap.bind(host: "127.0.0.1", port: options.port).wait()
announce(port: listener.localAddress?.port)
try listener.closeFuture.wait()
