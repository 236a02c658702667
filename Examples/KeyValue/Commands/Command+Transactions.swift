extension Command {
  /// Commands that make several others one.
  static let transactionCommands = [
    Command(ofClient: "MULTI", 0...0) { _, _, client in begin(&client) },
    Command(ofClient: "EXEC", 0...0) { store, _, client in store.execute(&client) },
    Command(ofClient: "DISCARD", 0...0) { _, _, client in discard(&client) },
  ]

  private static func begin(_ client: inout Client) {
    guard client.transaction == nil else { return client.reply.error("ERR MULTI calls can not be nested") }
    client.transaction = Transaction()
    client.reply.ok()
  }

  private static func discard(_ client: inout Client) {
    guard client.transaction != nil else { return client.reply.error("ERR DISCARD without MULTI") }
    client.transaction = nil
    client.reply.ok()
  }
}

extension Store {
  fileprivate func execute(_ client: inout Client) {
    guard let transaction = client.transaction.take() else { return client.reply.error("ERR EXEC without MULTI") }
    guard !transaction.isBroken else {
      return client.reply.error("EXECABORT Transaction discarded because of previous errors.")
    }
    client.reply.array(count: transaction.requests.count)
    for request in transaction.requests {
      carryOut(Request(bytes: request.bytes.span.bytes, arguments: request.arguments), &client)
    }
  }
}
