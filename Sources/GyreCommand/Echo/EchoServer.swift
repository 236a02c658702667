import ArgumentParser
import Gyre

/// The echo server on the loop that it is started on.
struct EchoServer: Sendable {
  let address: SocketAddress
  /// Whether to say at the end what it has done.
  let reportsStatistics: Bool
  /// Where to tell of the loop's queues; `nil` is nowhere.
  let inspectionPath: String?
  /// What to record of its first connections.
  let trace: EchoTrace?

  /// Serves until a signal ends it.
  func run() async throws {
    let listener = try TCPListener.bind(to: address)
    let loop = listener.loop
    let inspection = try inspectionPath.map { try EchoServer.inspection(at: $0, loop) }
    defer { inspection?.close() }
    trace?.begin(listener)
    let decision = loop.decision
    try Output.say("listening on \(listener.address)", "backend \(decision.backend) (\(decision.reason))")
    let closing = SignalWatch(
      onFirst: { Task(executorPreference: loop.taskExecutor) { await listener.close() } },
      onGraceOver: { loop.stop() },
      grace: 1
    )
    closing.start()
    let tally = EchoTally()
    do {
      try await listener.serve(onError: { _ in tally.countFailure() }) { connection in
        tally.countConnection()
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    } catch is CancellationError {
      // The grace was over before the listener was closed: that too is the end that the signal asked for.
    }
    trace?.write()
    if reportsStatistics { try Output.say("", tally.text(loop.currentStatistics)) }
  }

  private static func inspection(at path: String, _ loop: EventLoop) throws -> InspectionSocket {
    do throws(Errno) {
      return try InspectionSocket(path: path, loops: [loop])
    } catch {
      throw ValidationError("--inspect: cannot listen at \(path): \(error)")
    }
  }
}
