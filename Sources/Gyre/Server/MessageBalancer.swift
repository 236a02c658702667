/// Reads messages on one loop and has them executed on others, by whoever is free.
struct MessageBalancer: Sendable {
  let framing: Framing
  let handler: Server.MessageHandler
  private let jobs: Channel<MessageJob>

  /// Messages that may wait for a free thread; beyond it, reading waits.
  private static let mostWaiting = 1024

  init(_ framing: Framing, _ handler: @escaping Server.MessageHandler) {
    self.framing = framing
    self.handler = handler
    jobs = Channel(capacity: MessageBalancer.mostWaiting)
  }

  /// What the reading loop does with a connection. The messages of one stretch of bytes are executed side by side; their
  /// answers go out in the messages' order.
  func serve(_ connection: TCPConnection) async throws {
    var stream = MessageStream(framing)
    while let chunk = try await connection.receive() {
      stream.append(chunk.bytes)
      var pending: [MessageJob] = []
      while let message = try stream.next() {
        let job = MessageJob(message)
        try await jobs.send(job)
        pending.append(job)
      }
      var answers: [UInt8] = []
      for job in pending { answers += try await job.answer() }
      try await connection.send(answers)
    }
  }

  /// What an executing loop does, until the balancer is finished.
  func execute() async throws {
    while let job = try await jobs.receive() {
      do {
        job.finish(.success(try await handler(job.message)))
      } catch {
        job.finish(.failure(error))
      }
    }
  }

  /// No more messages will come; those that wait are executed.
  func finish() { jobs.finish() }
}
