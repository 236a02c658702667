import Gyre

/// One client's connection: requests in, answers out, in the same order.
struct Session {
  private let connection: TCPConnection
  private let watch: Watch
  private var parser = RequestParser()
  private var writer = ResponseWriter()
  /// The beginning of a head.
  private var pending: [UInt8] = []
  /// Bytes of a body since its time began.
  private var bodyCount = 0

  /// Bytes of answers that are kept before they are sent.
  private static let mostAnswers = 64 << 10

  /// Why `answer` has come back.
  private enum Pause {
    case needsInput
    /// There may be more requests, but what was answered should be sent first.
    case hasMuchToSend
    /// No more requests are answered.
    case ends
  }

  init(_ connection: TCPConnection, _ watch: Watch) {
    self.connection = connection
    self.watch = watch
  }

  /// Serves until the client has gone or is to go.
  mutating func run() async throws {
    while let chunk = try await connection.receive() {
      let pause = try await pending.isEmpty ? takeWhole(chunk) : takeMore(chunk)
      if pause == .ends { return try await linger() }
    }
  }

  private mutating func takeWhole(_ chunk: borrowing Chunk) async throws -> Pause {
    let (pause, used) = try await answer(chunk.bytes)
    if used < chunk.count {
      chunk.bytes.extracting(droppingFirst: used).withUnsafeBytes { pending.append(contentsOf: $0) }
    }
    return pause
  }

  private mutating func takeMore(_ chunk: borrowing Chunk) async throws -> Pause {
    // Taken out meanwhile, since answering changes the session.
    var input: [UInt8] = []
    swap(&input, &pending)
    chunk.bytes.withUnsafeBytes { input.append(contentsOf: $0) }
    let (pause, used) = try await answer(input.span.bytes)
    input.removeSubrange(..<used)
    if !input.isEmpty { pending = input }
    return pause
  }

  /// Answers all whole requests and sends the answers.
  ///
  /// - Returns: the bytes used.
  private mutating func answer(_ input: RawSpan) async throws -> (Pause, used: Int) {
    var used = 0
    let phase = parser.phase
    var hasAnswered = false
    while true {
      let pause = answer(input, from: &used)
      if !writer.bytes.isEmpty {
        hasAnswered = true
        try await sendAnswers()
      }
      if pause == .hasMuchToSend { continue }
      bodyCount += used
      // Who is slow does not get more time for each byte: a head has its time as a whole, a body for each piece.
      if hasAnswered || parser.phase != phase || bodyCount >= Limit.piece {
        watch.begin(waiting)
        bodyCount = 0
      }
      return (pause, used)
    }
  }

  /// Sends in pieces: a client that takes one has time for the next.
  private mutating func sendAnswers() async throws {
    let count = writer.bytes.count
    for begin in stride(from: 0, to: count, by: Limit.piece) {
      watch.begin(.sending)
      try await connection.send(writer.bytes.span.bytes.extracting(begin..<min(begin + Limit.piece, count)))
    }
    writer.clear()
  }

  private var waiting: Watch.Phase {
    switch parser.phase {
    case .idle: .idle
    case .head: .head
    case .body: .body
    }
  }

  private mutating func answer(_ input: RawSpan, from used: inout Int) -> Pause {
    while writer.bytes.count < Session.mostAnswers {
      switch parser.next(input, from: &used) {
      case .needsInput: return .needsInput
      case .expectsContinue: writer.goOn()
      case .request(let request):
        writer.append(Site.answer(request), to: request, isLast: !request.keepsAlive)
        if !request.keepsAlive { return .ends }
      case .failed(let failure):
        writer.append(Response(failure), to: nil, isLast: true)
        return .ends
      }
    }
    return .hasMuchToSend
  }

  /// Reads on for a while without a use for it: bytes that nobody has read when a connection is closed make the kernel reset
  /// it, and the client may lose the last answer. RFC 9112, 9.6
  private func linger() async throws {
    watch.begin(.lingering)
    try await connection.shutdown(.send)
    while try await connection.receive() != nil {}
  }
}
