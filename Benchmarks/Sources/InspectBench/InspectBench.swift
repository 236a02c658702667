import Gyre

/// What it costs to look at the queues: a listener's, a connection's, a loop's.
///
/// Each is read many times in a row on the loop's own thread; the figure is the median over the batches, with the quickest
/// and the slowest batch beside it. The connection is an accepted one, so it has a direct descriptor where the kernel and
/// the limit of open files allow it.
@main
enum InspectBench {
  static let batches = 200
  static let calls = 100

  static func main() throws {
    for backend in [BackendChoice.uring, .epoll] {
      try EventLoop.run(EventLoop.Configuration(backend: backend)) { try await measure(backend) }
    }
  }

  private static func measure(_ backend: BackendChoice) async throws {
    let loop = EventLoop.current!
    let listener = try TCPListener.bind(to: .loopback(port: 0))
    async let accepting = listener.accept()
    let client = try await TCPConnection.connect(to: listener.address)
    let server = try await accepting
    print("\(backend.rawValue): nanoseconds a call, median (quickest to slowest of \(batches) batches of \(calls))")
    try await report("listener.queues") { _ = try listener.queues }
    try await report("connection.buffers") { _ = try await server.buffers }
    try await report("loop.queues") { _ = try await loop.queues }
    try await report("HostDrops.current()") { _ = try HostDrops.current() }
    await client.close()
    await server.close()
    await listener.close()
  }

  private static func report(_ name: String, _ body: () async throws -> Void) async throws {
    var costs: [Int] = []
    for _ in 0..<batches {
      let clock = ContinuousClock()
      let start = clock.now
      for _ in 0..<calls { try await body() }
      costs.append(Int((clock.now - start) / .nanoseconds(calls)))
    }
    costs.sort()
    print("  \(name): \(costs[batches / 2]) (\(costs[0]) to \(costs[batches - 1]))")
  }
}
