import Glibc
import Gyre

/// What an echo costs in things that can be counted: `gyre-hot-path uring|epoll [CONNECTIONS [exchange]]`.
///
/// The clients are plain sockets, used by a task on the server's own loop: in each round it writes one message to every
/// connection and goes on when the server has answered all. So what a turn of the loop finds does not depend on time,
/// and every run counts the same.
///
/// A server that exchanges is heard of when it has received a message, by which it has answered the one before: its clients read one
/// round behind.
@main
enum HotPath {
  private static let warmUpRounds = 50
  private static let rounds = 200

  static func main() throws {
    let arguments = CommandLine.arguments
    let connections = arguments.count > 2 ? Int(arguments[2]) : 64
    let exchanges = arguments.count == 4 && arguments[3] == "exchange"
    guard 2...3 ~= arguments.count || exchanges, let backend = BackendChoice(rawValue: arguments[1]), let connections
    else {
      let usage = "usage: gyre-hot-path uring|epoll [CONNECTIONS [exchange]]\n"
      write(STDERR_FILENO, usage, usage.utf8.count)
      exit(2)
    }
    let cost = try EventLoop.run(EventLoop.Configuration(backend: backend)) {
      try await measure(connections, exchanges: exchanges)
    }
    print(cost.json)
  }

  private static func measure(_ connections: Int, exchanges: Bool) async throws -> Cost {
    let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:0"))
    let answers = Answers(perRound: connections)
    let serving = Task(executorPreference: listener.loop.taskExecutor) {
      try await listener.serve { connection in
        if exchanges { try await exchange(connection, answers) } else { try await echo(connection, answers) }
      }
    }
    let clients = try (0..<connections).map { _ in try Client(to: listener.address) }
    if exchanges { await tell(clients, answers) }
    await ask(warmUpRounds, clients, answers)
    let before = Cost.Reading(listener.loop)
    await ask(rounds, clients, answers)
    let cost = Cost(from: before, to: Cost.Reading(listener.loop), rounds: rounds, requests: rounds * connections)
    for client in clients { client.close() }
    serving.cancel()
    _ = await serving.result
    return cost
  }

  private static func echo(_ connection: TCPConnection, _ answers: Answers) async throws {
    while let chunk = try await connection.receive() {
      try await connection.send(chunk)
      answers.note()
    }
  }

  private static func exchange(_ connection: TCPConnection, _ answers: Answers) async throws {
    var next = try await connection.receive()
    while let chunk = next.take() {
      answers.note()
      next = try await connection.exchange(chunk)
    }
  }

  private static func ask(_ rounds: Int, _ clients: [Client], _ answers: Answers) async {
    for _ in 0..<rounds {
      await tell(clients, answers)
      for client in clients { client.receive() }
    }
  }

  private static func tell(_ clients: [Client], _ answers: Answers) async {
    for client in clients { client.send() }
    await answers.all()
  }
}
