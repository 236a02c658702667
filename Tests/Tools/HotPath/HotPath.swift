import Glibc
import Gyre

/// What an echo costs in things that can be counted: `gyre-hot-path uring|epoll [CONNECTIONS]`.
///
/// The clients are plain sockets, used by a task on the server's own loop: in each round it writes one message to every
/// connection and goes on when the server has answered all. So what a turn of the loop finds does not depend on time,
/// and every run counts the same.
@main
enum HotPath {
  private static let warmUpRounds = 50
  private static let rounds = 200

  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let connections = arguments.count == 2 ? Int(arguments.last!) : 64
    guard 1...2 ~= arguments.count, let backend = BackendChoice(rawValue: arguments.first!), let connections else {
      let usage = "usage: gyre-hot-path uring|epoll [CONNECTIONS]\n"
      write(STDERR_FILENO, usage, usage.utf8.count)
      exit(2)
    }
    let cost = try EventLoop.run(EventLoop.Configuration(backend: backend)) { try await measure(connections) }
    print(cost.json)
  }

  private static func measure(_ connections: Int) async throws -> Cost {
    let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:0"))
    let answers = Answers(perRound: connections)
    let serving = Task(executorPreference: listener.loop.taskExecutor) {
      try await listener.serve { connection in
        while let chunk = try await connection.receive() {
          try await connection.send(chunk)
          answers.note()
        }
      }
    }
    let clients = try (0..<connections).map { _ in try Client(to: listener.address) }
    await exchange(warmUpRounds, clients, answers)
    let before = Cost.Reading(listener.loop)
    await exchange(rounds, clients, answers)
    let cost = Cost(from: before, to: Cost.Reading(listener.loop), rounds: rounds, requests: rounds * connections)
    for client in clients { client.close() }
    serving.cancel()
    _ = await serving.result
    return cost
  }

  private static func exchange(_ rounds: Int, _ clients: [Client], _ answers: Answers) async {
    for _ in 0..<rounds {
      for client in clients { client.send() }
      await answers.all()
      for client in clients { client.receive() }
    }
  }
}
