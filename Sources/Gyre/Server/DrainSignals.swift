import Glibc

/// SIGTERM and SIGINT as a server takes them: the first one drains, a second one ends the process.
enum DrainSignals {
  /// - Parameter isWorker: a worker leaves it to its supervisor when to end it: the terminal's SIGINT comes to both, and the
  ///   supervisor's SIGTERM after it.
  static func observe(for server: Server, isWorker: Bool) throws -> Int? {
    guard server.options.handlesSignals || isWorker else { return nil }
    let press = RepeatedSignal()
    return try SignalEvents.observe([SIGTERM, SIGINT]) { signal in
      if press.isFirst() {
        server.drain()
      } else if !isWorker && press.isMeant() {
        Glibc.signal(signal, SIG_DFL)
        raise(signal)
      }
    }
  }
}
