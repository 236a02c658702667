import Testing

@testable import Gyre

/// One task waiting in each operation that there is.
final class Everything: Sendable {
  /// Tasks that wait.
  static let count = 7

  private let loop: EventLoop
  private let note: @Sendable (any Error) -> Void
  private let tasks = Locked<[Task<Void, Never>]>([])

  init(loop: EventLoop, note: @escaping @Sendable (any Error) -> Void) {
    self.loop = loop
    self.note = note
  }

  /// Returns when all of them wait.
  func begin() async throws {
    let idle = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    var full = TCPListener.Options()
    full.backlog = 1
    let unanswered = try TCPListener.bind(to: .loopback(port: 0), options: full, on: loop)
    let queued = [
      try await TCPConnection.connect(to: unanswered.address, on: loop),
      try await TCPConnection.connect(to: unanswered.address, on: loop),
    ]
    let first = try await TCPConnection.connect(to: listener.address, on: loop)
    let second = try await TCPConnection.connect(to: listener.address, on: loop)
    let loop = loop
    wait { _ = try await idle.accept() }
    wait { _ = try await first.receive()?.copy() }
    wait { _ = try await second.receiveIntoMemory(of: 10) }
    wait { try await first.send([UInt8](repeating: 0, count: 64 << 20)) }
    wait { try await first.send("queued behind it") }
    wait { try await loop.sleep(for: .seconds(1000)) }
    wait {
      _ = try await TCPConnection.connect(to: unanswered.address, on: loop)
      // Closing the listener would reset the connections in its queue.
      withExtendedLifetime((queued, listener)) {}
    }
    try await eventually("everything in flight") { loop.driver.operations.inFlight >= 5 && loop.timers.count >= 1 }
  }

  func wait() async { for task in tasks.withLock({ $0 }) { await task.value } }

  private func wait(_ body: @escaping @Sendable () async throws -> Void) {
    let note = note
    let task = Task(executorPreference: loop.taskExecutor) {
      do {
        try await body()
      } catch {
        note(error)
      }
    }
    tasks.withLock { $0.append(task) }
  }
}
