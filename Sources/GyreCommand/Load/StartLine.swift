// @unchecked: every member is touched by tasks of one loop alone.
/// Where connections wait until all are there. On the loop's thread only.
final class StartLine: @unchecked Sendable {
  private(set) var arrived = 0
  private var failure: (any Error)?
  private var isOpen = false
  private var waiting: [UnsafeContinuation<Void, Never>] = []
  private var watcher: UnsafeContinuation<Void, Never>?
  private var seen = 0

  /// Joins the line and waits for it to open.
  func wait() async {
    arrived += 1
    tellWatcher()
    if isOpen { return }
    await withUnsafeContinuation { waiting.append($0) }
  }

  /// Says that somebody will not come.
  func fail(_ error: any Error) {
    if failure == nil { failure = error }
    tellWatcher()
  }

  /// Waits for one more to join the line.
  ///
  /// - Throws: what `fail` was told.
  func nextArrival() async throws {
    if seen == arrived && failure == nil { await withUnsafeContinuation { watcher = $0 } }
    if let failure { throw failure }
    seen += 1
  }

  /// Lets everybody go.
  func open() {
    isOpen = true
    let leaving = waiting
    waiting = []
    for continuation in leaving { continuation.resume() }
  }

  private func tellWatcher() {
    let watcher = watcher
    self.watcher = nil
    watcher?.resume()
  }
}
