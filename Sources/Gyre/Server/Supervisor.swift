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
  private let press = RepeatedSignal()
  private var hasBeenReady = false
  private var isReloading = false
  private var reloadsAgain = false
  /// Why no worker can be started at all.
  private var failure: Errno?

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
    try ResourceLimits.requireDescriptors(for: workers, "workers", beside: sockets.numbers[0])
  }

  /// Returns when it was asked to stop and the last worker has ended.
  ///
  /// - Throws: `WorkerError` if the program cannot be run again at all; the `Errno` of `epoll_wait(2)`.
  func run() throws {
    do {
      try waits.add(requests.reader) {}
      for index in slots.indices { makeDue(index) }
      startDue()
      while !isStopping || !processes.isEmpty { try waits.turn(takeRequests) }
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

  private func take(_ request: Int32) {
    switch request {
    case SIGHUP: reload()
    case SIGKILL: stop(within: .zero)
    case _ where press.isFirst(): stop(within: server.options.workerEndTime)
    default: if press.isMeant() { stop(within: .zero) }
    }
  }

  private func stop(within time: Duration) {
    if !isStopping { ServiceManager.notify("STOPPING=1") }
    isStopping = true
    // The workers accept what waits in the queues.
    sockets.stopListening(ListeningSockets.settle)
    due = []
    for index in slots.indices { slots[index] = Slot() }
    for process in processes.values { retire(process, within: time) }
  }

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
    guard unsettled.isEmpty else { return }
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
    guard !slots[index].isDue else { return }
    slots[index].isDue = true
    settle(index)
    if delay == 0 { return due.append(index) }
    _ = waits.insert(at: EventLoop.now + delay) { [unowned self] in
      due.append(index)
      startDue()
    }
  }

  private func startDue() {
    while !isStopping, starting < Supervisor.mostStarting, let index = due.popFirst() {
      slots[index].isDue = false
      do throws(Errno) {
        try start(index)
      } catch {
        cannotStart(index, error)
      }
      settle(index)
    }
  }

  private func start(_ index: Int) throws(Errno) {
    let numbers = sockets.numbers
    let kind = slots.count > numbers.count ? WorkerProcess.Kind.sharedListeners : .listeners
    let process = try ChildProcess(kind, sockets: [numbers[index % numbers.count]])
    try process.watch(
      in: waits,
      readyWithin: server.options.workerStartTime,
      onReady: { [unowned self] in becameReady($0) },
      onEnd: { [unowned self] in ended($0, $1) }
    )
    process.place = index
    processes[ObjectIdentifier(process)] = process
    starting += 1
    if slots[index].current == nil { slots[index].current = process } else { slots[index].replacement = process }
  }

  private func cannotStart(_ index: Int, _ error: Errno) {
    // A process that has ended and was reaped by other code shows that processes can be started.
    if !hasBeenReady && error.rawValue != ESRCH {
      failure = error
      return stop(within: .zero)
    }
    Server.log.error("a worker cannot be started: \(error)")
    makeDue(index, after: max(slots[index].backoff.delay(afterLifeOf: 0), Backoff.shortest))
  }

  private func becameReady(_ process: ChildProcess) {
    starting -= 1
    if let index = process.place {
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
    process.retire(within: time)
  }

  private func ended(_ process: ChildProcess, _ how: String) {
    processes[ObjectIdentifier(process)] = nil
    if !process.isReady { starting -= 1 }
    if let index = process.place {
      Server.log.error("worker \(process.process) \(how); it is replaced")
      replace(process, in: index)
    }
    startDue()
  }

  private func replace(_ process: ChildProcess, in index: Int) {
    let replacement = slots[index].replacement
    slots[index].replacement = nil
    if replacement !== process {
      // A replacement that is on its way takes its place.
      slots[index].current = replacement
      if replacement != nil { return settle(index) }
    }
    let life = process.isReady ? EventLoop.now - process.started : 0
    makeDue(index, after: slots[index].backoff.delay(afterLifeOf: life))
  }
}
