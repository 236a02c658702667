import CLiburing
import Glibc

/// Accepts connections and starts a process for each. At the limit, connections wait in the kernel's queue.
final class ConnectionSupervisor {
  private let server: Server
  private let sockets: [Int32]
  private let limit: Int
  private let requests: SupervisorRequests
  private let onReady: () -> Void
  private var processes: [ChildProcess] = []
  private var isStopping = false
  private let press = RepeatedSignal()
  /// Not before then: descriptors, memory or processes are short.
  private var acceptTime: UInt64 = 0

  private static let grace: UInt64 = 1_000_000_000
  /// Nanoseconds before accepting is tried again after a shortage.
  private static let pause: UInt64 = 100_000_000

  init(
    _ server: Server,
    _ sockets: [Int32],
    limit: Int,
    _ requests: SupervisorRequests,
    _ onReady: @escaping () -> Void
  ) {
    self.server = server
    self.sockets = sockets
    self.limit = limit
    self.requests = requests
    self.onReady = onReady
  }

  /// Returns when it was asked to stop and the last process has ended.
  func run() throws {
    // Another process may share the socket and take the connection that `poll` told of.
    for socket in sockets { SystemSocket.setFlags(Int32(SOCK_NONBLOCK.rawValue), on: socket) }
    onReady()
    while !isStopping || !processes.isEmpty { turn() }
  }

  private func turn() {
    let now = EventLoop.now
    for process in processes { process.killIfOverdue(now) }
    let accepts = !isStopping && processes.count < limit
    let isPausing = acceptTime > now
    let listening = accepts && !isPausing ? sockets : []
    var polled = ([requests.reader] + listening + processes.map(\.ending)).map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    poll(&polled, nfds_t(polled.count), timeout(now, accepts && isPausing))
    for (index, socket) in listening.enumerated() where polled[1 + index].revents != 0 { accept(from: socket) }
    processes.removeAll { $0.reap() != nil }
    while let request = requests.next() { take(request) }
  }

  private func timeout(_ now: UInt64, _ isPausing: Bool) -> Int32 {
    let times = processes.compactMap(\.nextTime) + (isPausing ? [acceptTime] : [])
    guard let next = times.min() else { return -1 }
    return next <= now ? 0 : Int32(clamping: (next - now) / 1_000_000 + 1)
  }

  private func accept(from socket: Int32) {
    guard processes.count < limit else { return }
    let connection = gyre_accept(socket, Int32(SOCK_CLOEXEC.rawValue))
    guard connection >= 0 else {
      // Most errors are about one connection, or say that it has gone. accept(2)
      if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { acceptTime = EventLoop.now + ConnectionSupervisor.pause }
      return
    }
    defer { close(connection) }
    do {
      processes.append(try ChildProcess(.connection, sockets: [connection]))
    } catch {
      Server.log.error("a connection is closed: no process can be started for it: \(error)")
      acceptTime = EventLoop.now + ConnectionSupervisor.pause
    }
  }

  private func take(_ request: Int32) {
    // Each process is started anew anyway: there is nothing to reload.
    if request == SIGHUP { return }
    let isAtOnce = request == SIGKILL || !press.isFirst()
    if request != SIGKILL && isAtOnce && !press.isMeant() { return }
    if !isStopping { ServiceManager.notify("STOPPING=1") }
    isStopping = true
    let time = server.options.drainTime.nanosecondsClamped &+ ConnectionSupervisor.grace
    for process in processes { process.retire(within: isAtOnce ? 0 : time) }
  }
}
