import CLiburing
import Glibc

/// Keeps a number of worker processes alive, and owns their listening sockets for as long as it lives: while a worker is
/// replaced, its connections wait in the sockets' queues, and nobody is refused.
///
/// Everything happens on the thread of `run`, in the order of its loop: start what is due, wait, look at what happened.
final class Supervisor {
  private struct Slot {
    var current: ChildProcess?
    /// The next generation, until it is ready.
    var replacement: ChildProcess?
    var backoff = Backoff()
    /// When to start a process, as the current one or as its replacement.
    var startTime: UInt64?
  }

  private let server: Server
  private let sockets: [Int32]
  private let requests: SupervisorRequests
  private let onReady: () -> Void
  private var slots: [Slot]
  /// Processes that drain.
  private var retired: [ChildProcess] = []
  private var isStopping = false
  private let press = RepeatedSignal()
  private var hasBeenReady = false
  private var isReloading = false
  private var reloadsAgain = false

  /// What a worker may take beyond its drain time before it is killed.
  private static let grace: UInt64 = 1_000_000_000

  init(
    _ server: Server,
    _ sockets: [Int32],
    workers: Int,
    _ requests: SupervisorRequests,
    _ onReady: @escaping () -> Void
  ) {
    self.server = server
    self.sockets = sockets
    self.requests = requests
    self.onReady = onReady
    slots = (0..<workers).map { _ in Slot(startTime: 0) }
  }

  /// Returns when it was asked to stop and the last worker has ended.
  ///
  /// - Throws: `WorkerError` if the program cannot be run again at all.
  func run() throws {
    do {
      for index in slots.indices { try start(index) }
    } catch {
      stop(within: 0)
      waitForEverybody()
      throw WorkerError(errno: error)
    }
    while !isStopping || !processes.isEmpty { turn() }
  }

  private func waitForEverybody() {
    while !processes.isEmpty { turn() }
  }

  private var processes: [ChildProcess] {
    slots.flatMap { [$0.current, $0.replacement].compactMap { $0 } } + retired
  }

  private func turn() {
    startDue()
    let (processes, now) = (processes, EventLoop.now)
    for process in processes { process.killIfOverdue(now) }
    var polled = [pollfd(fd: requests.reader, events: Int16(POLLIN), revents: 0)]
    for process in processes {
      polled.append(pollfd(fd: process.ending, events: Int16(POLLIN), revents: 0))
      // A negative descriptor is passed over. poll(2)
      polled.append(pollfd(fd: process.control, events: Int16(POLLIN), revents: 0))
    }
    poll(&polled, nfds_t(polled.count), timeout(processes, now))
    // First, so that a worker which ends because the whole process group was signalled is not replaced.
    while let request = requests.next() { take(request) }
    for (index, process) in processes.enumerated() {
      if polled[2 + index * 2].revents != 0, process.readControl() { becameReady(process) }
      if polled[1 + index * 2].revents != 0, let how = process.reap() { ended(process, how) }
    }
  }

  /// Milliseconds until something is due; -1 if nothing is.
  private func timeout(_ processes: [ChildProcess], _ now: UInt64) -> Int32 {
    let times = slots.compactMap(\.startTime) + processes.compactMap(\.nextTime)
    guard let next = times.min() else { return -1 }
    return next <= now ? 0 : Int32(clamping: (next - now) / 1_000_000 + 1)
  }

  // MARK: Requests

  private func take(_ request: Int32) {
    switch request {
    case SIGHUP: reload()
    case SIGKILL: stop(within: 0)
    case _ where press.isFirst(): stop(within: server.options.drainTime.nanosecondsClamped &+ Supervisor.grace)
    default: if press.isMeant() { stop(within: 0) }
    }
  }

  private func stop(within time: UInt64) {
    if !isStopping { ServiceManager.notify("STOPPING=1") }
    isStopping = true
    for index in slots.indices {
      retired += [slots[index].current, slots[index].replacement].compactMap { $0 }
      slots[index] = Slot()
    }
    for process in retired { process.retire(within: time) }
  }

  private func reload() {
    guard !isStopping else { return }
    if isReloading { return reloadsAgain = true }
    isReloading = true
    ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(EventLoop.now / 1000)")
    Server.log.notice("replacing \(slots.count) workers")
    for index in slots.indices where slots[index].startTime == nil { slots[index].startTime = 0 }
  }

  private func finishReload() {
    let isPending = slots.contains { $0.startTime != nil || $0.replacement != nil || $0.current?.isReady != true }
    guard !isPending else { return }
    if !hasBeenReady {
      hasBeenReady = true
      onReady()
    }
    guard isReloading else { return }
    isReloading = false
    ServiceManager.notify("READY=1")
    if reloadsAgain {
      reloadsAgain = false
      reload()
    }
  }

  // MARK: Workers

  private func startDue() {
    guard !isStopping else { return }
    let now = EventLoop.now
    for index in slots.indices {
      guard let time = slots[index].startTime, time <= now else { continue }
      do {
        try start(index)
      } catch {
        Server.log.error("a worker cannot be started: \(error)")
        slots[index].startTime = now + slots[index].backoff.delay(afterLifeOf: 0)
      }
    }
  }

  private func start(_ index: Int) throws(Errno) {
    let kind = slots.count > sockets.count ? WorkerProcess.Kind.sharedListeners : .listeners
    let process = try ChildProcess(kind, sockets: [sockets[index % sockets.count]])
    slots[index].startTime = nil
    if slots[index].current == nil { slots[index].current = process } else { slots[index].replacement = process }
  }

  private func becameReady(_ process: ChildProcess) {
    if let index = slots.firstIndex(where: { $0.replacement === process }) {
      // Only now, so that somebody accepts all the time.
      if let old = slots[index].current { retire(old) }
      slots[index].current = process
      slots[index].replacement = nil
    }
    finishReload()
  }

  private func retire(_ process: ChildProcess) {
    process.retire(within: server.options.drainTime.nanosecondsClamped &+ Supervisor.grace)
    retired.append(process)
  }

  private func ended(_ process: ChildProcess, _ how: String) {
    retired.removeAll { $0 === process }
    guard let index = slots.firstIndex(where: { $0.current === process || $0.replacement === process }) else { return }
    Server.log.error("worker \(process.process) \(how); it is replaced")
    if slots[index].replacement === process {
      slots[index].replacement = nil
    } else {
      slots[index].current = slots[index].replacement
      slots[index].replacement = nil
      // A replacement that is on its way takes its place.
      if slots[index].current != nil { return }
    }
    let now = EventLoop.now
    slots[index].startTime = now + slots[index].backoff.delay(afterLifeOf: now - process.started)
  }
}
