import Glibc
import Testing

@testable import Gyre

/// A connection with both ends on one loop: `client` connected, `server` was accepted.
struct Pair {
  let client: TCPConnection
  let server: TCPConnection

  /// Connects, runs `body`, and closes both ends whatever happens.
  static func with<Value>(
    _ loop: EventLoop,
    options: TCPListener.Options = TCPListener.Options(),
    clientOptions: TCPOptions = TCPOptions(),
    _ body: (Pair) async throws -> Value
  ) async throws -> Value {
    let listener = try TCPListener.bind(to: .loopback(port: 0), options: options, on: loop)
    async let accepting = listener.accept()
    let client = try await TCPConnection.connect(to: listener.address, options: clientOptions, on: loop)
    let pair = Pair(client: client, server: try await accepting)
    let result: Result<Value, any Error>
    do {
      result = .success(try await body(pair))
    } catch {
      result = .failure(error)
    }
    await pair.client.close()
    await pair.server.close()
    await listener.close()
    return try result.get()
  }

  /// Makes the client's close a reset: SO_LINGER of zero. socket(7)
  func resetClient() async throws {
    guard case .ordinary(let number) = client.socket.descriptor else { return }
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    await client.close()
  }
}

extension TCPConnection {
  /// Receives exactly `count` bytes, or what comes before the end of the stream.
  func receive(exactly count: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count, let chunk = try await receive() { bytes += chunk.copy() }
    return bytes
  }

  /// Receives into memory of `count` bytes once.
  func receiveIntoMemory(of count: Int) async throws -> [UInt8] {
    var memory = [UInt8](repeating: 0, count: count)
    var span = memory.mutableSpan
    var bytes = span.mutableBytes
    let received = try await receive(into: &bytes)
    return Array(memory[..<received])
  }
}

/// Starts `body` on the loop as a task of its own.
func start<Value: Sendable>(
  on loop: EventLoop,
  _ body: @escaping @Sendable () async throws -> Value
) -> Task<Value, any Error> {
  Task(executorPreference: loop.taskExecutor) { try await body() }
}

/// Lets the other tasks of the loop run, and the loop look at the kernel, until `condition` holds. Fails after a while.
func eventually(_ what: Comment, _ condition: () -> Bool) async throws {
  let loop = EventLoop.current!
  let end = LoopClock.Instant.now.advanced(by: Patience.seconds(10))
  while !condition() && LoopClock.Instant.now < end { try await loop.sleep(for: .milliseconds(1)) }
  #expect(condition(), what)
}

/// The errno of a `SocketError` that `body` throws.
func socketErrno(_ body: () async throws -> Void) async -> Errno? {
  do {
    try await body()
    Issue.record("nothing was thrown")
  } catch let error as SocketError {
    return error.errno
  } catch {
    Issue.record("not a SocketError: \(error)")
  }
  return nil
}
