import Glibc

/// SIGTERM and SIGINT as a server takes them: the first one drains, a second one ends the process.
enum DrainSignals {
  /// - Parameter isWorker: a worker leaves it to its supervisor when to end it: the terminal's SIGINT comes to both, and the
  ///   supervisor's SIGTERM after it. A SIGHUP to the whole group, or to all of a name, is its supervisor's to act upon.
  static func observe(for server: Server, isWorker: Bool) throws -> Int? {
    guard server.options.handlesSignals || isWorker else { return nil }
    let press = RepeatedSignal()
    return try SignalEvents.observe(isWorker ? [SIGTERM, SIGINT, SIGHUP] : [SIGTERM, SIGINT]) { signal in
      if signal == SIGHUP { return }
      if press.isFirst() {
        server.drain()
      } else if !isWorker && press.isMeant() {
        SignalEvents.end(by: signal)
      }
    }
  }
}
