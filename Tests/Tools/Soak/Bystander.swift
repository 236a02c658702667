import Glibc
import Gyre

/// Uses what a loop has beside connections, each with an end that comes at any moment: timers, channels, threads for calls that
/// block, connects that are cancelled, and loops that live briefly.
struct Bystander {
  let loop: EventLoop
  /// Sends into the channel, from which this one receives.
  let other: EventLoop
  let address: SocketAddress
  let channel: Channel<Int>
  let counts: Counts
  var random: Random

  /// One of them.
  mutating func act() async {
    let (loop, other, address, channel) = (loop, other, address, channel)
    let limit = Duration.microseconds(Int.random(in: 0...400, using: &random))
    let length = Duration.microseconds(Int.random(in: 0...400, using: &random))
    switch Int.random(in: 0..<40, using: &random) {
    case 0: await tryTo { try await Bystander.useBriefLoop(loop.backend) }
    case 1..<10: await tryTo { try await withTimeout(limit) { try await loop.sleep(for: length) } }
    case 10..<20: await tryTo { try await withTimeout(limit) { try await blocking { _ = usleep(50) } } }
    case 20..<30: await tryTo { try await withTimeout(limit) { try await Bystander.connectAndClose(address, loop) } }
    default:
      Task(executorPreference: other.taskExecutor) { try await withTimeout(limit) { try await channel.send(1) } }
      await tryTo { try await withTimeout(length) { _ = try await channel.receive() } }
    }
    counts.add { $0.others += 1 }
  }

  /// Ends that were asked for are none to speak of.
  private func tryTo(_ body: () async throws -> Void) async {
    do {
      try await body()
    } catch is TimeoutError {
      counts.add { $0.cancels += 1 }
    } catch is CancellationError {
      counts.add { $0.cancels += 1 }
    } catch {
      counts.add { $0.failures.append("\(error)") }
    }
  }

  private static func connectAndClose(_ address: SocketAddress, _ loop: EventLoop) async throws {
    let connection = try await TCPConnection.connect(to: address, on: loop)
    await connection.close()
  }

  /// A loop that is stopped with a task asleep on it.
  private static func useBriefLoop(_ backend: Backend) async throws {
    var configuration = EventLoop.Configuration(backend: backend == .uring ? .uring : .epoll)
    configuration.bufferCount = 16
    let brief = try EventLoop.start(configuration)
    let sleeper = Task(executorPreference: brief.taskExecutor) {
      try await withTimeout(.seconds(1000)) { try await brief.sleep(for: .seconds(1000)) }
    }
    await brief.shutdown()
    try await sleeper.value
  }
}
