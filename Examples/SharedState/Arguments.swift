/// The command line: `SharedState [THREADS [COUNT]]`.
struct Arguments {
  /// Event loops, each on a thread of its own, that count at the same time.
  let threads: Int
  /// What each of them adds up to.
  let count: Int

  init() throws {
    let arguments = CommandLine.arguments.dropFirst().map { (text: $0, number: Int($0)) }
    guard arguments.count <= 2 else {
      throw UsageError(description: "usage: SharedState [THREADS [COUNT]], for example SharedState 2 100000")
    }
    let threads = arguments.first ?? ("2", 2)
    guard let number = threads.number, (1...64).contains(number) else {
      throw UsageError(description: "“\(threads.text)” is no number of threads from 1 to 64")
    }
    let count = arguments.count == 2 ? arguments[1] : ("100000", 100_000)
    guard let total = count.number, (1...100_000_000).contains(total) else {
      throw UsageError(description: "“\(count.text)” is no count from 1 to 100000000")
    }
    self.threads = number
    self.count = total
  }
}
