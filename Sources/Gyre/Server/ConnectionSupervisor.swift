import CLiburing
import Glibc

/// Accepts connections and starts a process for each. At the limit, connections wait in the kernel's queue.
///
/// A turn costs what happened in it, whatever the number of processes.
final class ConnectionSupervisor {
  private let server: Server
  private let sockets: [Int32]
  private let limit: Int
  private let requests: SupervisorRequests
  private let onReady: () -> Void
  private let waits: WaitSet
  private var processes: [ObjectIdentifier: ChildProcess] = [:]
  /// A connection that waits for its process, since descriptors, memory or processes are short; or -1.
  private var connection: Int32 = -1
  private var isAccepting = false
  private var isPausing = false
  /// Nothing has worked since this was logged.
  private var isLogged = false
  private var isStopping = false
  private let press = RepeatedSignal()

  /// Nanoseconds before something is tried again after a shortage.
  private static let pause: UInt64 = 100_000_000

  init(
    _ server: Server,
    _ sockets: [Int32],
    limit: Int,
    _ requests: SupervisorRequests,
    _ onReady: @escaping () -> Void
  ) throws {
    self.server = server
    self.sockets = sockets
    self.limit = limit
    self.requests = requests
    self.onReady = onReady
    waits = try WaitSet()
    try ResourceLimits.requireDescriptors(for: limit, "processes for connections", beside: sockets[0])
  }

  /// Returns when it was asked to stop and the last process has ended.
  ///
  /// - Throws: the `Errno` of `epoll_wait(2)`.
  func run() throws {
    // Another process may share the socket and take the connection that the kernel told of.
    for socket in sockets { SystemSocket.setFlags(Int32(SOCK_NONBLOCK.rawValue), on: socket) }
    do {
      try waits.add(requests.reader) {}
      resumeAccepting()
      onReady()
      while !isStopping || !processes.isEmpty { try waits.turn(takeRequests) }
    } catch {
      for process in processes.values { process.end() }
      dropConnection()
      throw error
    }
  }

  // MARK: Accepting

  /// Listens to the sockets as long as a connection could have a process.
  private func resumeAccepting() {
    let accepts = !isStopping && !isPausing && connection < 0 && processes.count < limit
    guard accepts != isAccepting else { return }
    isAccepting = accepts
    for socket in sockets {
      guard accepts else {
        waits.remove(socket)
        continue
      }
      do {
        try waits.add(socket, isRepeated: true) { [unowned self] in accept(from: socket) }
      } catch {
        return pause("connections wait: the kernel does not watch the listening socket: \(error)")
      }
    }
  }

  private func pause(_ why: String) {
    guard !isPausing else { return }
    isPausing = true
    if !isLogged { Server.log.error("\(why)") }
    isLogged = true
    resumeAccepting()
    tryAgain()
  }

  private func tryAgain() {
    _ = waits.insert(at: EventLoop.now + ConnectionSupervisor.pause) { [unowned self] in
      if connection >= 0 && !start() { return tryAgain() }
      isPausing = false
      resumeAccepting()
    }
  }

  private func accept(from socket: Int32) {
    guard isAccepting else { return }
    connection = gyre_accept(socket, Int32(SOCK_CLOEXEC.rawValue))
    guard connection >= 0 else {
      let error = Errno.current
      if !ConnectionSupervisor.isPassing(error) { pause("connections wait: none can be accepted: \(error)") }
      return
    }
    if !start() { pause("a connection waits: no process can be started for it") }
    resumeAccepting()
  }

  /// Whether an error of accepting is about one connection, or says that it has gone. `accept(2)`
  private static func isPassing(_ error: Errno) -> Bool {
    [
      EAGAIN, EINTR, ECONNABORTED, EPERM, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETDOWN, ENETUNREACH,
    ].contains(error.rawValue)
  }

  // MARK: Processes

  /// Starts a process for the connection. False if there is a shortage, which passes: then the connection waits.
  private func start() -> Bool {
    do throws(Errno) {
      let process = try ChildProcess(.connection, sockets: [connection])
      try process.watch(
        in: waits,
        readyWithin: server.options.workerStartTime,
        onReady: { _ in },
        onEnd: { [unowned self] process, _ in
          processes[ObjectIdentifier(process)] = nil
          resumeAccepting()
        }
      )
      processes[ObjectIdentifier(process)] = process
      isLogged = false
    } catch {
      if [EAGAIN, ENOMEM, EMFILE, ENFILE, ENOBUFS, ENOSPC].contains(error.rawValue) { return false }
      Server.log.error("a connection is closed: no process can be started for it: \(error)")
    }
    dropConnection()
    return true
  }

  /// Closes this process's descriptor of it.
  private func dropConnection() {
    if connection >= 0 { close(connection) }
    connection = -1
  }

  // MARK: Requests

  private func takeRequests() {
    while let request = requests.next() { take(request) }
  }

  private func take(_ request: Int32) {
    // Each process is started anew anyway: there is nothing to reload.
    if request == SIGHUP { return }
    let isAtOnce = request == SIGKILL || !press.isFirst()
    if request != SIGKILL && isAtOnce && !press.isMeant() { return }
    if !isStopping { ServiceManager.notify("STOPPING=1") }
    isStopping = true
    dropConnection()
    resumeAccepting()
    // One that just starts has a connection, which is to be drained too.
    let time = isAtOnce ? .zero : server.options.workerEndTime
    for process in processes.values { process.retire(within: time, whenReady: true) }
  }
}
