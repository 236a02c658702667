import Gyre

/// A client that connects, sends, checks what comes back, is cancelled, half-closes, and goes away in every way there is.
struct Client {
  struct StreamEnded: Error {}

  let loop: EventLoop
  let address: SocketAddress
  let counts: Counts
  var random: Random

  /// One connection, from connect to its end.
  mutating func live() async {
    do {
      let connection = try await TCPConnection.connect(to: address, on: loop)
      counts.add { $0.connects += 1 }
      let isClosed = try await talk(over: connection)
      // The others are left to their deinit, with whatever is in flight.
      if isClosed || !random.oneIn(4) { await connection.close() }
    } catch {
      counts.add { $0.failures.append("\(error)") }
    }
  }

  /// Exchanges messages. False if the connection is to be dropped as it is.
  private mutating func talk(over connection: TCPConnection) async throws -> Bool {
    for _ in 0..<Int.random(in: 1...60, using: &random) {
      try await exchange(over: connection)
      if random.oneIn(10) { try await pause() }
      if random.oneIn(40) { return false }
    }
    if random.oneIn(2) { return true }
    try await connection.shutdown(.send)
    while try await connection.receive() != nil { counts.add { $0.wrong += 1 } }
    return true
  }

  private mutating func exchange(over connection: TCPConnection) async throws {
    let first = UInt8.random(in: 0...255, using: &random)
    let count = random.oneIn(8) ? Int.random(in: 1...60_000, using: &random) : Int.random(in: 1...500, using: &random)
    let message = (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0) }
    try await connection.send(message)
    var received = 0
    while received < count {
      guard let bytes = try await receive(from: connection) else { continue }
      if bytes.isEmpty { throw StreamEnded() }
      if !bytes.elementsEqual(message[received..<min(received + bytes.count, count)]) { counts.add { $0.wrong += 1 } }
      received += bytes.count
    }
    counts.add { $0.bytes += count }
  }

  /// The next bytes, none at the end of the stream; `nil` if the receive was cancelled first, which loses nothing.
  private mutating func receive(from connection: TCPConnection) async throws -> [UInt8]? {
    guard random.oneIn(4) else { return try await connection.receive()?.copy() ?? [] }
    let microseconds = Int.random(in: 0...300, using: &random)
    do {
      return try await withTimeout(.microseconds(microseconds)) { try await connection.receive()?.copy() ?? [] }
    } catch is TimeoutError {
      counts.add { $0.cancels += 1 }
      return nil
    }
  }

  private mutating func pause() async throws {
    try await loop.sleep(for: .microseconds(Int.random(in: 1...5000, using: &random)))
  }
}
