// @unchecked: used by tasks of one loop alone, on its thread.
/// Tells the client's task when the server has answered a whole round.
final class Answers: @unchecked Sendable {
  private let perRound: Int
  private var count = 0
  private var waiter: UnsafeContinuation<Void, Never>?

  init(perRound: Int) { self.perRound = perRound }

  func note() {
    count += 1
    guard count == perRound else { return }
    count = 0
    waiter?.resume()
  }

  func all() async {
    await withUnsafeContinuation { waiter = $0 }
  }
}
