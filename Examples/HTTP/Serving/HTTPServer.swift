@preconcurrency import Glibc
import Gyre

/// Accepts clients, and looks after their patience and its own.
struct HTTPServer {
  private let listener: TCPListener
  private let watchman: Watchman

  /// Serves until the task is cancelled.
  static func run(_ arguments: Arguments) async throws {
    var options = TCPListener.Options()
    options.backlog = 1024
    let listener = try TCPListener.bind(to: arguments.address, options: options)
    print("listening on \(listener.address)")
    fflush(stdout)
    let watchman = Watchman(on: listener.loop, patience: arguments.patience)
    try await HTTPServer(listener: listener, watchman: watchman).run()
  }

  private func run() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await watchman.run() }
      try await listener.serve { connection in
        let watch = Watch(connection, watchman.clock)
        await watchman.add(watch)
        var session = Session(connection, watch)
        do {
          try await session.run()
        } catch {
          await watchman.remove(watch)
          throw error
        }
        await watchman.remove(watch)
      }
    }
  }
}
