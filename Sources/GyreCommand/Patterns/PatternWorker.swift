/// A thread that executes requests.
struct PatternWorker: Hashable, Codable, Sendable {
  let process: Int32
  let thread: Int32
}
