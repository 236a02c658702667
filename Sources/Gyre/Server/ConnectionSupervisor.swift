import CLiburing
import DequeModule
import Glibc

/// Accepts connections and starts a process for each. At the limit, connections wait in the kernel's queue.
///
/// A turn costs what happened in it, whatever the number of processes.
final class ConnectionSupervisor {
  private let server: Server
  private let sockets: ListeningSockets
  private let limit: Int
  private let requests: SupervisorRequests
  private let onReady: () -> Void
  private let waits: WaitSet
  private var processes: [ObjectIdentifier: ChildProcess] = [:]
  /// Connections that wait for their processes: one while descriptors, memory or processes are short, and what was in the
  /// kernel's queues when the server began to drain, as far as there were descriptors for it.
  private var waiting: Deque<Int32> = []
  private var isAccepting = false
  private var isPausing = false
  /// Nothing has worked since this was logged.
  private var isLogged = false
  private var isStopping = false
  private var isSettling = false
  /// When the drain is over.
  private var endTime = UInt64.max
  /// When the queues were closed.
  private var stopTime = UInt64.max

  /// Nanoseconds before something is tried again after a shortage.
  private static let pause: UInt64 = 100_000_000

  init(
    _ server: Server,
    _ sockets: ListeningSockets,
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
    try ResourceLimits.requireDescriptors(for: limit, "processes for connections", beside: sockets.numbers[0])
  }

  /// Returns when it was asked to stop and the last process has ended.
  ///
  /// - Throws: the `Errno` of `epoll_wait(2)`.
  func run() throws {
    // Another process may share the socket and take the connection that the kernel told of.
    for socket in sockets.numbers { SystemSocket.setFlags(Int32(SOCK_NONBLOCK.rawValue), on: socket) }
    do {
      try waits.add(requests.reader) {}
      resumeAccepting()
      onReady()
      while !isStopping || !processes.isEmpty || !waiting.isEmpty || sockets.isOpen { try waits.turn(takeRequests) }
    } catch {
      for process in processes.values { process.end() }
      dropWaiting()
      throw error
    }
  }

  // MARK: Accepting

  /// Listens to the sockets as long as a connection could have a process.
  private func resumeAccepting() {
    let accepts = !isStopping && !isPausing && waiting.isEmpty && processes.count < limit
    guard accepts != isAccepting else { return }
    isAccepting = accepts
    for socket in sockets.numbers {
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
      isPausing = false
      startWaiting()
      resumeAccepting()
    }
  }

  private func accept(from socket: Int32) {
    guard isAccepting else { return }
    let connection = gyre_accept(socket, Int32(SOCK_CLOEXEC.rawValue))
    guard connection >= 0 else {
      let error = Errno.current
      if !ConnectionSupervisor.isPassing(error) { pause("connections wait: none can be accepted: \(error)") }
      return
    }
    waiting.append(connection)
    startWaiting()
    resumeAccepting()
  }

  /// Takes what waits in the queues of a server that stops, and closes them: until then new clients are not refused, and hear
  /// nothing. What there are no descriptors for stays in the queues until processes have ended; in those of somebody else
  /// it stays for the next process.
  private func takeQueues() {
    guard isStopping, sockets.isOpen else { return }
    // Before the queues are looked at: a handshake that ends in between has put its connection there.
    let areSettled = !sockets.hasHandshakes(since: stopTime)
    let isEmpty = withReserve { sockets.numbers.allSatisfy(acceptEverything) }
    if sockets.areLent || (isEmpty && areSettled) { return sockets.close() }
    if isEmpty { return takeQueuesLater() }
    if processes.isEmpty && waiting.isEmpty { pause("connections wait: none can be accepted") }
  }

  /// A handshake is under way.
  private func takeQueuesLater() {
    guard !isSettling else { return }
    isSettling = true
    _ = waits.insert(at: EventLoop.now + ListeningSockets.settleTime) { [unowned self] in
      isSettling = false
      startWaiting()
    }
  }

  /// Keeps the descriptors that it takes to start a process during `body`. False where there are no more than these.
  private func withReserve(_ body: () -> Bool) -> Bool {
    let reserve = (0..<ResourceLimits.spareDescriptors).map { _ in fcntl(requests.reader, F_DUPFD_CLOEXEC, 0) }
    defer { for descriptor in reserve where descriptor >= 0 { close(descriptor) } }
    return !reserve.contains { $0 < 0 } && body()
  }

  /// Whether the socket's queue is empty now. False if there is a shortage, which passes.
  private func acceptEverything(from socket: Int32) -> Bool {
    while true {
      let connection = gyre_accept(socket, Int32(SOCK_CLOEXEC.rawValue))
      let error = Errno.current
      if connection >= 0 {
        waiting.append(connection)
      } else if error.rawValue == EAGAIN {
        return true
      } else if ConnectionSupervisor.isShortage(error) {
        return false
      } else if !ConnectionSupervisor.isPassing(error) {
        return true
      }
    }
  }

  /// Whether an error says that descriptors, memory or processes are short.
  private static func isShortage(_ error: Errno) -> Bool {
    [EAGAIN, ENOMEM, EMFILE, ENFILE, ENOBUFS, ENOSPC].contains(error.rawValue)
  }

  /// Whether an error of accepting is about one connection, or says that it has gone. `accept(2)`
  private static func isPassing(_ error: Errno) -> Bool {
    [
      EAGAIN, EINTR, ECONNABORTED, EPERM, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETDOWN, ENETUNREACH,
    ].contains(error.rawValue)
  }

  // MARK: Processes

  /// Starts processes for the connections that wait, as far as the limit allows.
  private func startWaiting() {
    takeQueues()
    while !isPausing, processes.count < limit, let connection = waiting.first {
      guard start(for: connection) else { return pause("a connection waits: no process can be started for it") }
      waiting.removeFirst()
      close(connection)
    }
  }

  /// Starts a process for a connection. False if there is a shortage, which passes.
  private func start(for connection: Int32) -> Bool {
    do throws(Errno) {
      let process = try ChildProcess(.connection, sockets: [connection])
      try process.watch(
        in: waits,
        readyWithin: server.options.workerStartTime,
        onReady: { _ in },
        onEnd: { [unowned self] process, _ in
          processes[ObjectIdentifier(process)] = nil
          startWaiting()
          resumeAccepting()
        }
      )
      processes[ObjectIdentifier(process)] = process
      isLogged = false
      if isStopping { retire(process) }
    } catch {
      if ConnectionSupervisor.isShortage(error) { return false }
      Server.log.error("a connection is closed: no process can be started for it from \(ChildProcess.path): \(error)")
    }
    return true
  }

  /// Has a process end with the drain. One that just starts has a connection, which is to be drained too.
  private func retire(_ process: ChildProcess) {
    let now = EventLoop.now
    process.retire(within: .nanoseconds(Int64(clamping: max(endTime, now) - now)), whenReady: true)
  }

  private func dropWaiting() {
    if isStopping { sockets.close() }
    while let connection = waiting.popFirst() { close(connection) }
  }

  // MARK: Requests

  private func takeRequests() {
    while let request = requests.next() { take(request) }
  }

  private func take(_ request: SupervisorRequests.Request) {
    switch request {
    // Each process is started anew anyway: there is nothing to reload.
    case .reload: break
    case .drain: if !isStopping { stop(isAtOnce: false) }
    case .end: stop(isAtOnce: true)
    }
  }

  private func stop(isAtOnce: Bool) {
    if !isStopping { ServiceManager.notify("STOPPING=1") }
    isStopping = true
    resumeAccepting()
    if sockets.isOpen { sockets.closeQueues() }
    stopTime = EventLoop.now
    let time = isAtOnce ? 0 : server.options.workerEndTime.nanosecondsClamped
    endTime = min(endTime, EventLoop.now + time)
    for process in processes.values { retire(process) }
    if isAtOnce { return dropWaiting() }
    startWaiting()
    _ = waits.insert(at: endTime) { [unowned self] in dropWaiting() }
  }
}
