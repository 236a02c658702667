@preconcurrency import Glibc
import Gyre

/// Accepts clients, and removes keys that have ended.
struct KeyValueServer {
  private let listener: TCPListener
  private let store: Store

  /// Milliseconds between two looks for keys that have ended.
  private static let interval = Duration.milliseconds(100)

  /// Serves until the task is cancelled. On the program's one loop.
  static func run(_ arguments: Arguments) async throws {
    let table = try ImageReader.load(arguments.image) ?? Table()
    let count = table.count
    let listener = try TCPListener.bind(to: arguments.address)
    let store = Store(on: listener.loop, table, savingTo: arguments.image)
    print("listening on \(listener.address), \(count) keys loaded from \(arguments.image)")
    fflush(stdout)
    try await KeyValueServer(listener: listener, store: store).run()
  }

  private func run() async throws {
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await removeEndedKeys() }
      try await listener.serve { connection in
        var session = Session(connection, store)
        try await session.run()
      }
    }
  }

  private func removeEndedKeys() async throws {
    while true {
      try await listener.loop.sleep(for: KeyValueServer.interval)
      store.use { $0.keyspace.removeSomeEnded() }
    }
  }
}
