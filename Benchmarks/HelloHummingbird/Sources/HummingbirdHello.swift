// Hummingbird with one route and no logging, on one event loop.

import Glibc
import Hummingbird
import Logging
import NIOPosix

@main
enum HummingbirdHello {
  static func main() async throws {
    let router = Router()
    router.get("/") { _, _ in "Hello, world!" }
    var logger = Logger(label: "hello")
    logger.logLevel = .critical
    let application = Application(
      router: router,
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { channel in
        print("listening on 127.0.0.1:\(channel.localAddress?.port ?? 0)")
        fflush(nil)
      },
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
      logger: logger
    )
    try await application.runService()
  }
}
