import Glibc
import Synchronization

/// SIGTERM and SIGINT as a server takes them: the first one drains, a second one ends the process.
enum DrainSignals {
  static func observe(for server: Server) -> Int? {
    guard server.options.handlesSignals else { return nil }
    let count = Counter()
    return SignalEvents.observe([SIGTERM, SIGINT]) { signal in
      if count.isFirst {
        server.drain()
      } else {
        Glibc.signal(signal, SIG_DFL)
        raise(signal)
      }
    }
  }

  private final class Counter: Sendable {
    private let hasCome = Atomic<Bool>(false)
    var isFirst: Bool { !hasCome.exchange(true, ordering: .relaxed) }
  }
}
