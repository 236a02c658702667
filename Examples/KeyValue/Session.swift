import Gyre

/// One client's connection: requests in, answers out, in the same order.
///
/// A whole request is carried out where the kernel has put its bytes. Only the beginning of one whose end is still to come
/// is copied, and answers to all requests of a chunk go out together, which is what makes pipelining cheap.
struct Session {
  private let connection: TCPConnection
  private let store: Store
  private var parser = RequestParser()
  private var client: Client
  /// The beginning of a request.
  private var pending: [UInt8] = []
  private var isOver = false

  /// Memory that an idle connection may keep.
  private static let idleCapacity = 16 << 10
  /// Memory made ready at once for a request that says it is long: beyond it, what has come counts and not what was said.
  private static let mostReserved = 1 << 20
  /// How long a client that is to go is waited for.
  private static let lingering = Duration.seconds(5)

  init(_ connection: TCPConnection, _ store: Store) {
    self.connection = connection
    self.store = store
    client = store.use { store in
      store.connectionsReceived += 1
      return Client(number: store.connectionsReceived)
    }
  }

  /// Serves until the client has gone or is to go.
  mutating func run() async throws {
    store.use { $0.connectionCount += 1 }
    defer { store.use { $0.connectionCount -= 1 } }
    while !isOver, let chunk = try await connection.receive() {
      if pending.isEmpty { try await takeWhole(chunk) } else { try await takeMore(chunk) }
    }
    if isOver { try await linger() }
  }

  /// Reads on for a while without a use for it: bytes that nobody has read when a connection is closed make the kernel reset
  /// it, and the client may lose the last answer, which says why.
  private func linger() async throws {
    let connection = connection
    try await connection.shutdown(.send)
    try await withTimeout(Session.lingering) { while try await connection.receive() != nil {} }
  }

  private mutating func takeWhole(_ chunk: borrowing Chunk) async throws {
    let (used, needed) = try await answer(chunk.bytes)
    guard used < chunk.count, !isOver else { return }
    pending.reserveCapacity(min(needed, Session.mostReserved))
    chunk.bytes.extracting(droppingFirst: used).withUnsafeBytes { pending.append(contentsOf: $0) }
  }

  private mutating func takeMore(_ chunk: borrowing Chunk) async throws {
    chunk.bytes.withUnsafeBytes { pending.append(contentsOf: $0) }
    // Taken out meanwhile, since answering changes the session.
    var input: [UInt8] = []
    swap(&input, &pending)
    let (used, needed) = try await answer(input.span.bytes)
    input.removeSubrange(..<used)
    if input.isEmpty && input.capacity > Session.idleCapacity { input = [] }
    input.reserveCapacity(min(needed, Session.mostReserved))
    pending = input
  }

  /// Carries out all whole requests and sends the answers.
  ///
  /// - Returns: the bytes used, and how many the next request has if that is known.
  private mutating func answer(_ input: RawSpan) async throws -> (used: Int, needed: Int) {
    var used = 0
    while true {
      let pause = store.use { $0.answer(input, from: &used, &parser, &client) }
      if !client.reply.isEmpty {
        try await connection.send(client.reply.bytes)
        client.reply.clear()
      }
      switch pause {
      case .needsInput(let length): return (used, length)
      case .hasMuchToSend: continue
      case .ends:
        isOver = true
        return (used, 0)
      }
    }
  }
}
