/// Who accepted a connection and who answers on it, as the answer says it.
struct Answerer: Hashable, Sendable {
  let pid: Int32
  let acceptedBy: Int32
  let answeredBy: Int32

  /// Of a connection that `acceptor` accepted and the calling thread answers on.
  init(acceptor: ThreadIdentity) {
    let current = ThreadIdentity.current
    (pid, acceptedBy, answeredBy) = (current.pid, acceptor.tid, current.tid)
  }

  /// Reads `text`.
  init?(_ text: String) {
    let numbers = text.split(separator: " ").compactMap { Int32($0) }
    guard numbers.count == 3 else { return nil }
    (pid, acceptedBy, answeredBy) = (numbers[0], numbers[1], numbers[2])
  }

  var text: String { "\(pid) \(acceptedBy) \(answeredBy)" }
}
