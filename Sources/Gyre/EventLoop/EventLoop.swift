import CLiburing
import DequeModule
import Glibc

// @unchecked: the driver, the run queue, the timers and the waiting lists are touched by the loop's own thread alone, which
// every entry point establishes by `isCurrent` or by going through the inbox; all else is immutable or locked.
/// One thread that does I/O and runs the tasks that await it.
///
/// A task on a loop that awaits `accept`, `receive` or `send` hands the work to the kernel's queues and gives the thread
/// back; the completion puts the task into the loop's run queue. Nothing moves to another thread and nothing is locked.
///
/// A turn of the loop: take what other threads put into the inbox, fire due timers, run ready jobs, then one system call
/// that submits all new operations and waits for completions. Each part is bounded, so none can starve another. What the
/// inbox and the timers make ready runs before the system call, which therefore need not be one that only looks.
///
/// ```swift
/// try EventLoop.run {
///   let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:7000"))
///   try await listener.serve { connection in
///     while let chunk = try await connection.receive() { try await connection.send(chunk) }
///   }
/// }
/// ```
public final class EventLoop: @unchecked Sendable {
  /// What the loop was made with.
  public let configuration: Configuration
  /// What does the loop's I/O.
  public let backend: Backend

  let driver: any Driver
  /// The driver, if it is a ring: kept here to spare each operation the call through the protocol, and the count of a
  /// reference that goes with it.
  private let ring: Unmanaged<URingDriver>?
  /// The driver's, which it never changes: kept here to spare each received chunk the look-up through the protocol.
  let buffers: BufferPool
  let ending = Ending()
  /// The program's executors, if the loop is one of those that the whole program runs on.
  let program: ProgramExecutors?
  private let thread = pthread_self()
  let inbox = Inbox()
  private let waker: Waker
  private let executors = Locked<Executors?>(nil)

  @exclusivity(unchecked) private(set) var isStopping = false
  /// What has to end before the loop may: see `hold`.
  private var holds = 0
  /// Dispatch's, if this is the main thread's loop.
  private var mainQueue: MainQueue?
  /// Turns with nothing in flight since the loop was asked to stop.
  private var turnsDrained = 0
  private(set) var counters = LoopCounters()
  /// Set by `init` alone.
  private var serial: LoopSerialExecutor?
  @exclusivity(unchecked) var runQueue: Deque<Job> = []
  /// The identity that the running job came through.
  @exclusivity(unchecked) private(set) var runningIdentity = Job.Identity.task
  /// What the running job's task was resumed with, if it had suspended itself. Read at once: the next job has its own.
  @exclusivity(unchecked) private(set) var resumedWith: Int32 = 0
  @exclusivity(unchecked) private var arrivals: [Inbox.Item] = []
  @exclusivity(unchecked) private var immediateAnswersLeft = 0
  @exclusivity(unchecked) private var immediateCallsLeft = 0
  /// Where the time has gone, if the loop measures it.
  private(set) var times = TurnTimes()
  /// Times the jobs, if the loop is asked to.
  let jobWatch: JobWatch?
  private(set) var spinner: Spinner?
  @exclusivity(unchecked) var timers = TimerHeap()
  /// Connections and listeners whose hand-offs somebody looks at; while there are any, completions carry their times.
  var observers = 0 {
    didSet { driver.stampsCompletions = observers > 0 }
  }

  /// Connections that have been given an ordinary descriptor beside their direct one, to send at once.
  var installedForSending = 0
  /// Leaves most of the process's descriptors to whoever cannot do without.
  static let mostInstalledForSending = min(1024, ResourceLimits.descriptors / (4 * ResourceLimits.processors))

  /// Results that tasks may take without suspending before they have to let others run.
  private static let immediateAnswersPerTurn = 1024
  /// System calls that tasks may make of their own in a turn.
  private static let immediateCallsPerTurn = 8
  /// Turns of a stopped loop with nothing in flight, after which tasks that are still ready have to go on elsewhere.
  private static let mostTurnsDrained = 1024
  /// Timers fired before the loop looks at the kernel's queues again.
  private static let timersPerTurn = 1024

  /// Makes the loop for the calling thread, which has to be the one that runs it: the ring belongs to its maker.
  init(configuration: Configuration, program: ProgramExecutors? = nil) throws {
    try configuration.validate()
    if let core = configuration.core { try CoreAffinity.pin(to: core) }
    self.configuration = configuration
    self.program = program
    driver = configuration.wrapDriver(try DriverChoice.makeDriver(configuration))
    // The driver lives as long as the loop.
    ring = (driver as? URingDriver).map { Unmanaged.passUnretained($0) }
    buffers = driver.buffers
    backend = driver.backend
    jobWatch = configuration.makeJobWatch()
    spinner = configuration.spin > .zero ? Spinner(limit: configuration.spin.nanosecondsClamped) : nil
    waker = driver.waker
    serial = LoopSerialExecutor(loop: self)
    executors.withLock { $0 = Executors(loop: self) }
  }

  /// The loop whose thread the calling code runs on.
  public static var current: EventLoop? {
    // Set for as long as `runUntilEnd` runs, which holds the loop.
    gyre_current_loop().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Whether the calling code runs on this loop's thread.
  @inline(__always)
  public var isCurrent: Bool { gyre_current_loop() == Unmanaged.passUnretained(self).toOpaque() }

  /// Whether the calling code runs on the thread that the loop was made on, whether or not it turns already.
  var isOnOwnThread: Bool { pthread_equal(pthread_self(), thread) != 0 }

  /// Whether all tasks of the program run on this loop, whatever they prefer.
  var isWholeProgram: Bool { program?.hasOneLoop ?? false }

  /// Starts an operation, on the loop's thread.
  @inline(__always)
  func start(_ operation: Operation, for target: OperationTarget) -> OperationID {
    guard let ring else { return driver.start(operation, for: target) }
    return ring._withUnsafeGuaranteedRef { $0.start(operation, for: target) }
  }

  // MARK: Executors

  /// The executor for tasks: `Task(executorPreference: loop.taskExecutor) { … }`.
  public var taskExecutor: LoopTaskExecutor {
    executors.withLock { $0?.task } ?? LoopTaskExecutor(loop: self)
  }

  /// The executor for actors that live on the loop.
  public var serialExecutor: LoopSerialExecutor { serial! }

  @inline(__always)
  func enqueue(_ job: Job) {
    if isCurrent {
      // A task that enqueues itself suspends.
      jobWatch?.noteCaller(suspends: unsafeBitCast(job.job, to: UnsafeMutableRawPointer.self) == gyre_current_task())
      runQueue.append(job)
    } else if !put(.job(job)) {
      runElsewhere(job)
    }
  }

  /// Runs a job of the loop's, which has ended or is about to.
  private func runElsewhere(_ job: Job) {
    let run = { @Sendable in
      let executors = Executors(loop: self)
      withExtendedLifetime(executors.task) { executors.run(job) }
    }
    // The main thread goes on, in code of the main actor's: nobody else may run such code beside it. Where there is no main
    // queue the job waits for ever.
    if job.identity == .main { _ = MainQueue.append(run) } else { Stragglers.run(run) }
  }

  /// Runs `work` on the loop's thread: now if this is it, otherwise in its next turn. False if the loop has ended.
  @discardableResult
  func perform(_ work: @escaping @Sendable () -> Void) -> Bool {
    guard isCurrent else { return put(.work(work)) }
    work()
    return true
  }

  /// Runs `work` in the next turn. On the loop's thread.
  func performLater(_ work: @escaping @Sendable () -> Void) { _ = put(.work(work)) }

  private func put(_ item: Inbox.Item) -> Bool {
    let caller = EventLoop.current.flatMap { $0.canCall(self) ? $0 : nil }
    switch inbox.put(item, callingLater: caller.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) }) {
    case .stored: return true
    case .wake:
      if caller?.driver.wake(waker) != true { waker.wake() }
      return true
    case .wakeAtOnce:
      waker.wake()
      return true
    case .closed: return false
    }
  }

  /// Whether this loop wakes another one by a message that goes out with its next submissions: where both are rings.
  private func canCall(_ other: EventLoop) -> Bool { waker.ring != nil && other.waker.ring != nil }

  // MARK: Turns

  /// Runs the loop on the calling thread until it has been stopped and has drained.
  func runUntilEnd() {
    LoadedRuntime.decideHowToSuspend()
    gyre_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
    let executors = executors.withLock { $0! }
    mainQueue = MainQueue(loop: self)
    repeat {
      if configuration.measuresTime { turnMeasured(executors) } else { turn(executors) }
      counters.turns &+= 1
    } while !hasEnded
    driver.tearDown()
    gyre_set_current_loop(nil)
    letGo()
    ending.end()
  }

  /// Ends what refers to the loop and is referred to by it.
  private func letGo() {
    executors.withLock { $0 = nil }
    mainQueue = nil
  }

  /// Gives back what was made for a loop that is not going to run.
  func discard() {
    driver.tearDown()
    letGo()
  }

  private func turn(_ executors: Executors) {
    takeInbox()
    fireTimers()
    runJobs(executors)
    spinForWork()
    driver.turn(waiting: waitingTime())
  }

  /// The same with a look at the clock between the parts.
  private func turnMeasured(_ executors: Executors) {
    takeInbox()
    fireTimers()
    let start = EventLoop.now
    runJobs(executors)
    let jobsEnd = EventLoop.now
    spinForWork()
    let kernelBefore = driver.counters.nanosecondsInKernel
    let driverStart = EventLoop.now
    driver.turn(waiting: waitingTime())
    let inDriver = EventLoop.now - driverStart
    let inKernel = driver.counters.nanosecondsInKernel - kernelBefore
    times.tasks += .nanoseconds(Int64(jobsEnd - start))
    times.kernel += .nanoseconds(Int64(inKernel))
    times.completions += .nanoseconds(Int64(inDriver - min(inKernel, inDriver)))
  }

  /// Before a sleep, if the loop is made to: hands the kernel what is prepared, then looks for work for a while.
  private func spinForWork() {
    guard spinner != nil, runQueue.isEmpty, !isDrained, inbox.isEmpty, spinner!.isWorthIt() else { return }
    driver.turn(waiting: 0)
    let start = EventLoop.now
    let limit = min(start + spinner!.limit, timers.nextDeadline ?? .max)
    var hasWork = !runQueue.isEmpty
    while !hasWork && EventLoop.now < limit { hasWork = driver.hasWork || !inbox.isEmpty }
    spinner!.note(hit: hasWork)
  }

  /// Runs the jobs that are ready, at most as many as a turn may; jobs that they make ready come after them.
  private func runJobs(_ executors: Executors) {
    immediateAnswersLeft = EventLoop.immediateAnswersPerTurn
    immediateCallsLeft = EventLoop.immediateCallsPerTurn
    var left = configuration.jobsPerTurn
    while left > 0, let job = runQueue.popFirst() {
      prefetchJobs()
      runningIdentity = job.identity
      resumedWith = job.result
      jobWatch?.begin(job.job)
      executors.run(job)
      jobWatch?.end()
      left -= 1
    }
    counters.jobs &+= UInt64(configuration.jobsPerTurn - left)
  }

  /// What a task takes with the head of its first slab of frames, in bytes.
  private static let taskSize: Int32 = 384

  /// Gets the memory of the next tasks into the processor's cache while this one runs: see `OperationTable.prefetch`.
  @inline(__always)
  private func prefetchJobs() {
    // A job is the task's address. Where its frames are is read in the task, which was fetched one job earlier.
    if runQueue.count > 1 {
      gyre_prefetch(unsafeBitCast(runQueue[1].job, to: UnsafeRawPointer.self), EventLoop.taskSize)
    }
    if !runQueue.isEmpty { gyre_prefetch_frames(unsafeBitCast(runQueue[0].job, to: UnsafeRawPointer.self)) }
  }

  private func takeInbox() {
    inbox.takeAll(&arrivals)
    if arrivals.isEmpty { return }
    for item in arrivals {
      switch item {
      case .job(let job): runQueue.append(job)
      case .work(let work): work()
      }
    }
    arrivals.removeAll(keepingCapacity: true)
  }

  /// How long the kernel may keep the loop: not at all while there is something to run, until the next timer otherwise.
  private func waitingTime() -> UInt64? {
    guard runQueue.isEmpty, !isDrained, inbox.park() else { return 0 }
    guard let deadline = timers.nextDeadline else { return nil }
    let now = EventLoop.now
    return deadline > now ? deadline - now : 0
  }

  private var isDrained: Bool { isStopping && holds == 0 && driver.operations.inFlight == 0 }

  private var hasEnded: Bool {
    guard isDrained else { return false }
    if runQueue.isEmpty { return inbox.close() }
    turnsDrained += 1
    return turnsDrained > EventLoop.mostTurnsDrained && handOverJobs()
  }

  /// Tasks that are ready again and again must not keep a loop that has stopped: they go on among the stragglers, once nobody
  /// can put anything in here.
  private func handOverJobs() -> Bool {
    takeInbox()
    // What was in it may have started something. A task that suspended itself before the loop stopped can be resumed here only;
    // none does so later.
    guard isDrained, !runQueue.contains(where: \.isSuspendedTask), inbox.close() else { return false }
    for job in runQueue { runElsewhere(job) }
    runQueue = []
    return true
  }

  /// Whether a result that is there already may be returned without suspending. False once a turn has given out many:
  /// the caller then suspends, so that a task whose data never runs out cannot keep the loop.
  @inline(__always)
  func takeImmediateAnswer() -> Bool {
    immediateAnswersLeft -= 1
    return immediateAnswersLeft >= 0
  }

  /// Whether a task may make a short system call of its own: the running job is all that there is to do, and the turn has
  /// not been held up by many.
  @inline(__always)
  func takeImmediateCall() -> Bool {
    guard runQueue.isEmpty, immediateCallsLeft > 0, driver.isIdle else { return false }
    immediateCallsLeft -= 1
    return true
  }

  /// Whether the calling task is on a loop, and may take a result that is there already without suspending.
  @usableFromInline
  static var mayTakeAtOnce: Bool {
    gyre_current_loop() != nil && withCurrent { $0.takeImmediateAnswer() }
  }

  /// Suspends the calling task behind the jobs that are ready.
  func letOthersRun() async { await Task.yield() }

  // MARK: Timers

  /// Nanoseconds of `CLOCK_MONOTONIC`.
  static var now: UInt64 { MonotonicClock.now }

  private func fireTimers() {
    guard !timers.isEmpty else { return }
    let now = EventLoop.now
    var left = EventLoop.timersPerTurn
    while left > 0, let action = timers.removeDue(at: now) {
      action.fire()
      left -= 1
    }
  }

  // MARK: Stopping

  /// Asks the loop to stop; from any thread, any number of times. Returns at once.
  ///
  /// Stopping drains: operations in flight are cancelled, and their tasks resume with `CancellationError` when the kernel
  /// has let go of them; operations started later throw `SocketError` with `ESHUTDOWN`, except `close`, which works to
  /// the end. The thread ends when nothing is in flight and no task is ready, and soon also if tasks go on being ready. What
  /// is ready after that runs on a thread kept for such stragglers, so none is left suspended. `loop.sleep` ends with a
  /// `CancellationError`; `Task.sleep`, `withTimeout` and `withDeadline` keep their time.
  public func stop() {
    perform { self.beginStop() }
  }

  /// Keeps the loop turning until `release` has been called as often, also when it was asked to stop. Before it turns.
  func hold(times: Int = 1) { holds += times }

  func release() {
    perform {
      self.holds -= 1
      self.endMainQueue()
    }
  }

  /// Stops the loop, and returns when it has drained and its thread has let go of it.
  ///
  /// The loop of `EventLoop.run` or `GlobalExecutor.run` goes on until their body has ended, and the body may be what calls. So
  /// there it returns as soon as the loop stops, as `stop()` does; `run` itself waits for the rest. So it does for the main
  /// loop of a program with an `async` `main`.
  public func shutdown() async {
    await withUnsafeContinuation { waiter in
      let isTaken = perform {
        self.beginStop()
        if self.holds > 0 { waiter.resume() } else { self.ending.whenEnded { waiter.resume() } }
      }
      if !isTaken { ending.whenEnded { waiter.resume() } }
    }
    noteResumed()
  }

  private func beginStop() {
    guard !isStopping else { return }
    isStopping = true
    for target in driver.operations.targets { target.loopStops() }
    while let (deadline, action) = timers.removeFirst() { action.loopStops(before: deadline) }
    endMainQueue()
  }

  /// Whatever holds the loop may need the main queue.
  private func endMainQueue() {
    if isStopping && holds == 0 { mainQueue?.end() }
  }
}
