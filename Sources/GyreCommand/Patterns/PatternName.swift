import ArgumentParser
import Gyre

/// An execution pattern as a word on a command line.
enum PatternName: String, CaseIterable, ExpressibleByArgument, Codable {
  case single
  case threadsReusePort = "threads-reuseport"
  case threadsShared = "threads-shared"
  case threadsAcceptor = "threads-acceptor"
  case threadsMessages = "threads-messages"
  case processesReusePort = "processes-reuseport"
  case processesShared = "processes-shared"
  case processPerConnection = "process-per-connection"

  /// The pattern with so many threads or workers, and with at most so many connections.
  func pattern(workers: Int, connections: Int) -> ExecutionPattern {
    switch self {
    case .single: .singleThreaded
    case .threadsReusePort: .multiThreaded(threads: workers, accept: .reusePort)
    case .threadsShared: .multiThreaded(threads: workers, accept: .sharedListener)
    case .threadsAcceptor: .multiThreaded(threads: workers, accept: .acceptor)
    case .threadsMessages: .multiThreaded(threads: workers, accept: .messageBalanced)
    case .processesReusePort: .multiProcess(workers: workers, accept: .reusePort)
    case .processesShared: .multiProcess(workers: workers, accept: .sharedListener)
    case .processPerConnection: .processPerConnection(limit: connections)
    }
  }

  /// How many threads execute requests.
  func executors(workers: Int, connections: Int) -> Int {
    switch self {
    case .single: 1
    case .processPerConnection: connections
    default: workers
    }
  }
}
