import DequeModule
import Glibc

/// Keeps a number of worker processes alive, and owns their listening sockets for as long as it lives: while a worker is
/// replaced, its connections wait in the sockets' queues, and nobody is refused.
///
/// Everything happens on the thread of `run`, in the order of its `WaitSet`. A turn costs what happened in it, whatever the number
/// of workers.
final class Supervisor {
  private struct Slot {
    var current: ChildProcess?
    /// The next generation, until it is ready.
    var replacement: ChildProcess?
    var backoff = Backoff()
    /// A process is to be started, as the current one or as its replacement.
    var isDue = false
    /// When that is to be later.
    var retry: TimerID?

    /// Those of its processes that have begun to start and are not ready.
    var starting: [ChildProcess] { [current, replacement].compactMap { $0 }.filter { !$0.isReady } }

    var isSettled: Bool { !isDue && replacement == nil && current?.isReady == true }
  }

  private let server: Server
  private let sockets: ListeningSockets
  private let requests: SupervisorRequests
  private let onReady: () -> Void
  private let waits: WaitSet
  private var slots: [Slot]
  /// Those that are due and whose time has come.
  private var due: Deque<Int> = []
  /// Those without a ready process, and those where a process is replaced.
  private var unsettled: Set<Int> = []
  /// Every process, also those that drain.
  private var processes: [ObjectIdentifier: ChildProcess] = [:]
  /// Processes that are not ready yet.
  private var starting = 0
  private var isStopping = false
  /// When the drain is over.
  private var endTime = UInt64.max
  /// Queues, by the index of their socket, in which connections wait during the drain with no ready process to accept them.
  private var unserved: Set<Int> = []
  /// No handshake is under way.
  private var areSettled = false
  /// Before the queues are looked at again.
  private var pause = Supervisor.shortestPause
  private var hasBeenReady = false
  private var isReloading = false
  private var reloadsAgain = false
  /// Why no worker can be started at all.
  private var failure: Errno?

  /// Nanoseconds between two looks at the queues of a server that drains; doubled each time up to the longest.
  private static let shortestPause: UInt64 = 2_000_000
  private static let longestPause: UInt64 = 100_000_000

  /// Processes that start at a time: more would compete for the processors and for descriptors.
  private static let mostStarting = 8

  init(
    _ server: Server,
    _ sockets: ListeningSockets,
    workers: Int,
    _ requests: SupervisorRequests,
    _ onReady: @escaping () -> Void
  ) throws {
    self.server = server
    self.sockets = sockets
    self.requests = requests
    self.onReady = onReady
    waits = try WaitSet()
    slots = Array(repeating: Slot(), count: workers)
    try ResourceLimits.requireDescriptors(
      for: workers,
      "workers",
      each: 3,
      toStart: queues(of: 0).count,
      beside: sockets.numbers[0]
    )
  }

  /// Returns when it was asked to stop and the last worker has ended.
  ///
  /// - Throws: `WorkerError` if the program cannot be run again at all; the `Errno` of `epoll_wait(2)`.
  func run() throws {
    do {
      try waits.add(requests.reader) {}
      for index in slots.indices { makeDue(index) }
      startDue()
      while !isStopping || !processes.isEmpty || !unserved.isEmpty || (!areSettled && sockets.isOpen) {
        try waits.turn(takeRequests)
      }
    } catch {
      for process in processes.values { process.end() }
      throw error
    }
    if let failure { throw WorkerError(errno: failure) }
  }

  // MARK: Requests

  /// Before the ends of processes are looked at, so that a worker which ends because the whole process group was signalled is
  /// not replaced.
  private func takeRequests() {
    while let request = requests.next() { take(request) }
  }

  private func take(_ request: SupervisorRequests.Request) {
    switch request {
    case .reload: reload()
    case .drain: if !isStopping { drain() }
    case .end: end()
    }
  }

  // The drain of the queues. First the handshakes end that are under way. No connection comes into them any more. Those that are in them are accepted by the workers, which drain
  // too. A worker may die before it has accepted them, or be dying when the drain begins, which nobody can see. So the queues
  // stay open until they are empty, and whenever connections wait in one that no ready worker accepts from, a worker is started.

  private func drain() {
    beginToStop()
    endTime = EventLoop.now + server.options.workerEndTime.nanosecondsClamped
    sockets.closeQueues()
    let start = EventLoop.now
    afterSettleTime { [unowned self] in settle(since: start) }
  }

  private func afterSettleTime(_ body: @escaping () -> Void) {
    _ = waits.insert(at: EventLoop.now + ListeningSockets.settleTime, body)
  }

  private func settle(since start: UInt64) {
    if !sockets.isOpen { return }
    if sockets.hasHandshakes(since: start) { return afterSettleTime { [unowned self] in settle(since: start) } }
    areSettled = true
    drainWorkers()
  }

  private func drainWorkers() {
    findUnserved()
    // One that just starts would die of the signal: it has to be ready first, if it is needed.
    let kept = Set(slots.indices.filter(isUnserved).flatMap { slots[$0].starting }.map(ObjectIdentifier.init))
    for process in processes.values {
      if kept.contains(ObjectIdentifier(process)) {
        retireWithTheDrain(process)
      } else {
        retire(process, within: server.options.workerEndTime)
      }
    }
    serveQueues()
    lookAgain()
    _ = waits.insert(at: endTime) { [unowned self] in closeQueues() }
  }

  private func findUnserved() {
    let waiting = Set(sockets.numbers.indices.filter { ListeningSockets.hasWaiting(sockets.numbers[$0]) })
    unserved = waiting.subtracting(processes.values.filter(\.isReady).flatMap(\.queues))
    // The next process gets what waits in those of a service manager, where more may come all the time.
    if waiting.isEmpty || (sockets.areLent && unserved.isEmpty) { closeQueues() }
  }

  /// Starts workers for the queues that nobody serves.
  private func serveQueues() {
    for index in slots.indices where isUnserved(index) && slots[index].starting.isEmpty { makeDue(index) }
    startDue()
  }

  private func lookAtQueues() {
    guard areSettled, sockets.isOpen else { return }
    findUnserved()
    serveQueues()
  }

  private func lookAgain() {
    guard sockets.isOpen else { return }
    _ = waits.insert(at: EventLoop.now + pause) { [unowned self] in
      lookAtQueues()
      lookAgain()
    }
    pause = min(pause * 2, Supervisor.longestPause)
  }

  private func closeQueues() {
    unserved = []
    sockets.close()
  }

  private func end() {
    beginToStop()
    endTime = 0
    closeQueues()
    for process in processes.values { retire(process, within: .zero) }
  }

  private func beginToStop() {
    if !isStopping { ServiceManager.notify("STOPPING=1") }
    isStopping = true
  }

  /// The sockets that a slot's processes accept from, by their indices.
  private func queues(of index: Int) -> [Int] {
    server.pattern.sockets(of: index, of: slots.count, among: sockets.numbers.count)
  }

  private func isUnserved(_ index: Int) -> Bool { !unserved.isDisjoint(with: queues(of: index)) }

  private func reload() {
    guard !isStopping else { return }
    if isReloading { return reloadsAgain = true }
    isReloading = true
    ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(EventLoop.now / 1000)")
    Server.log.notice("replacing \(slots.count) workers")
    for index in slots.indices { makeDue(index) }
    startDue()
  }

  /// To be called when something about a slot has changed.
  private func settle(_ index: Int) {
    if slots[index].isSettled { unsettled.remove(index) } else { unsettled.insert(index) }
    guard unsettled.isEmpty, !isStopping else { return }
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

  /// Has a process started for a slot, now or after some nanoseconds, unless that is under way.
  private func makeDue(_ index: Int, after delay: UInt64 = 0) {
    if delay == 0, let retry = slots[index].retry.take() {
      waits.remove(retry)
    } else if slots[index].isDue {
      return
    }
    slots[index].isDue = true
    settle(index)
    if delay == 0 { return due.append(index) }
    slots[index].retry = waits.insert(at: EventLoop.now + delay) { [unowned self] in
      slots[index].retry = nil
      due.append(index)
      startDue()
    }
  }

  private func startDue() {
    while starting < Supervisor.mostStarting, let index = due.popFirst() {
      slots[index].isDue = false
      if isStopping && !isUnserved(index) { continue }
      do throws(Errno) {
        try start(index)
      } catch {
        cannotStart(index, error)
      }
      settle(index)
    }
  }

  private func start(_ index: Int) throws(Errno) {
    let isShared = server.pattern.areShared(sockets.numbers.count, by: slots.count)
    let kind = isShared ? WorkerProcess.Kind.sharedListeners : .listeners
    let process = try ChildProcess(kind, sockets: queues(of: index).map { sockets.numbers[$0] })
    try process.watch(
      in: waits,
      readyWithin: server.options.workerStartTime,
      onReady: { [unowned self] in becameReady($0) },
      onDrain: { [unowned self] in drainsByItself($0) },
      onEnd: { [unowned self] in ended($0, $1) }
    )
    process.place = index
    process.queues = queues(of: index)
    processes[ObjectIdentifier(process)] = process
    starting += 1
    if slots[index].current == nil { slots[index].current = process } else { slots[index].replacement = process }
    if isStopping { retireWithTheDrain(process) }
  }

  private func cannotStart(_ index: Int, _ error: Errno) {
    // A process that has ended and was reaped by other code shows that processes can be started.
    if !hasBeenReady && error.rawValue != ESRCH {
      failure = error
      return end()
    }
    Server.log.error("a worker cannot be started from \(ChildProcess.path): \(error)")
    makeDue(index, after: max(delay(of: index, afterLifeOf: 0), Backoff.shortest))
  }

  private func becameReady(_ process: ChildProcess) {
    starting -= 1
    if let index = process.place {
      if isStopping {
        // It has been told to drain, and accepts what waits.
        process.place = nil
        return lookAtQueues()
      }
      if slots[index].replacement === process {
        // Only now, so that somebody accepts all the time.
        if let old = slots[index].current { retire(old, within: server.options.workerEndTime) }
        slots[index].current = process
        slots[index].replacement = nil
      }
      settle(index)
    }
    startDue()
  }

  private func retire(_ process: ChildProcess, within time: Duration) {
    process.place = nil
    // While the server drains it accepts what is in its queues. Otherwise it leaves them to others.
    if !isStopping { process.queues = [] }
    process.retire(within: time)
  }

  /// Has a process that is needed in the drain become ready, drain then, and end with it. It keeps its place until it is ready:
  /// should it fail, another one is started.
  private func retireWithTheDrain(_ process: ChildProcess) {
    let now = EventLoop.now
    process.retire(within: .nanoseconds(Int64(clamping: max(endTime, now) - now)), whenReady: true)
  }

  /// It was signalled, or its program drains its server there. It stops accepting, but its connections may go on for long. That is
  /// no failure, so its place is filled at once.
  private func drainsByItself(_ process: ChildProcess) {
    // While the server drains it is retired with the others.
    guard let index = process.place, !isStopping else { return }
    Server.log.notice("worker \(process.process) drains; it is replaced")
    retire(process, within: server.options.workerEndTime)
    replace(process, in: index, after: 0)
    startDue()
  }

  private func ended(_ process: ChildProcess, _ how: String) {
    processes[ObjectIdentifier(process)] = nil
    if !process.isReady { starting -= 1 }
    if isStopping { endedInTheDrain(process, how) }
    if let index = process.place {
      Server.log.error("worker \(process.process) \(how); it is replaced")
      let life = process.isReady ? EventLoop.now - process.started : 0
      replace(process, in: index, after: delay(of: index, afterLifeOf: life))
    }
    startDue()
  }

  private func endedInTheDrain(_ process: ChildProcess, _ how: String) {
    if case .signaled = process.exit, process.isReady, EventLoop.now < endTime {
      Server.log.error("worker \(process.process) \(how) while the server drained")
    }
    guard process.place == nil, sockets.isOpen else { return }
    for index in slots.indices where slots[index].current === process { slots[index].current = nil }
    for index in slots.indices where slots[index].replacement === process { slots[index].replacement = nil }
    lookAtQueues()
  }

  /// How long a slot stays empty whose process has failed. Somebody waits for what a drain starts.
  private func delay(of index: Int, afterLifeOf life: UInt64) -> UInt64 {
    isStopping ? Backoff.shortest : slots[index].backoff.delay(afterLifeOf: life)
  }

  private func replace(_ process: ChildProcess, in index: Int, after delay: UInt64) {
    let replacement = slots[index].replacement
    slots[index].replacement = nil
    if replacement !== process {
      // A replacement that is on its way takes its place.
      slots[index].current = replacement
      if replacement != nil { return settle(index) }
    }
    makeDue(index, after: delay)
  }
}
