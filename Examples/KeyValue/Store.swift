import Gyre

/// The keys and what belongs to them: one for all connections.
///
/// The actor lives on the event loop that does the connections' I/O, the program's only thread. So a connection uses it at
/// once, by `use`, which costs no suspension: a request is carried out where its bytes were received.
actor Store {
  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }

  let keyspace: Keyspace
  let saver: Saver
  let started = ContinuousClock.now
  var connectionCount = 0
  var connectionsReceived = 0
  private(set) var requestCount = 0
  private let commands = Command.byName

  /// Bytes of answers that are kept before they are sent.
  private static let mostReply = 64 << 10
  /// What requests of one client may take in a row (`Keyspace.effort`), before others have their turn.
  private static let mostEffort = 1 << 20

  /// Why `answer` has come back.
  enum Pause {
    /// The input has no other whole request; so many bytes are needed for the next one, if that is known.
    case needsInput(Int)
    /// There may be more requests, but what was answered should be sent first, and others have their turn meanwhile.
    case hasMuchToSend
    /// The connection is to be closed when the answers are sent.
    case ends
  }

  init(on loop: EventLoop, _ table: sending Table, savingTo path: String) {
    self.loop = loop
    keyspace = Keyspace(table)
    saver = Saver(path: path)
  }

  /// Runs `body` on the store now. The caller has to be on the store's loop, which is checked.
  nonisolated func use<Value: Sendable>(_ body: (isolated Store) -> Value) -> Value { assumeIsolated(body) }

  /// Carries out the requests in `input` from `offset` on, which goes on to the first byte not used.
  func answer(
    _ input: RawSpan,
    from offset: inout Int,
    _ parser: inout RequestParser,
    _ client: inout Client
  ) -> Pause {
    keyspace.beginMoment()
    while client.reply.bytes.count < Store.mostReply && keyspace.effort < Store.mostEffort {
      switch parser.next(input, from: offset) {
      case .incomplete(let length): return .needsInput(length)
      case .nothing(let length): offset += length
      case .failed(let error):
        client.reply.error("ERR \(error)")
        return .ends
      case .request(let length):
        if parser.line.isEmpty {
          let bytes = input.extracting(offset..<offset + length)
          carryOut(Request(bytes: bytes, arguments: parser.arguments), &client)
        } else {
          carryOut(Request(bytes: parser.line.span.bytes, arguments: parser.arguments), &client)
        }
        offset += length
        if client.reply.isLast { return .ends }
      }
    }
    return .hasMuchToSend
  }

  func carryOut(_ request: borrowing Request, _ client: inout Client) {
    requestCount &+= 1
    guard let command = find(request, &client) else {
      client.transaction?.isBroken = true
      return
    }
    if client.transaction != nil, !command.isImmediate { return keep(request, &client) }
    switch command.body {
    case .store(let run): run(self, request, &client.reply)
    case .client(let run): run(self, request, &client)
    }
  }

  /// The command that is asked for; `nil` if there is none, which the client is told.
  private func find(_ request: borrowing Request, _ client: inout Client) -> Command? {
    guard let name = Command.pack(request[0]), let command = commands[name] else {
      refuse(request, &client)
      return nil
    }
    guard command.arguments.contains(request.count - 1) else {
      client.reply.error("ERR wrong number of arguments for '\(command.name.lowercased())' command")
      return nil
    }
    return command
  }

  private func refuse(_ request: borrowing Request, _ client: inout Client) {
    // A browser sends this to any port that a page names, and the lines behind it may be commands of the page's.
    if request[0].isWord("POST") || request[0].isWord("HOST:") {
      client.reply.error("ERR this is no HTTP server")
      return client.reply.end()
    }
    client.reply.error("ERR unknown command '\(request[0].text.prefix(64))'")
  }

  private func keep(_ request: borrowing Request, _ client: inout Client) {
    guard client.transaction!.add(request) else {
      client.transaction!.isBroken = true
      return client.reply.error("ERR these are too many requests for one transaction")
    }
    client.reply.simple("QUEUED")
  }
}
