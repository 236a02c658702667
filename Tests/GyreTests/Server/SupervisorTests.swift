import Glibc
import Testing

@testable import Gyre

/// Supervisors in surroundings that are not the usual ones: signals, limits, and what else a program does with children.
@Suite(.serialized)
struct SupervisorTests {
  static let handlings = Backends.available.flatMap { backend in
    ["ignored", "forgotten", "reaped"].map { (backend, $0) }
  }

  private func eventually(_ what: Comment, _ condition: () throws -> Bool) async throws {
    if !(try await Patience.until(seconds: 20, condition)) { Issue.record(what) }
  }

  // MARK: Ends of children

  @Test(arguments: handlings)
  func aWorkerIsReplacedWhateverHappensToTheStatusOfChildren(_ backend: Backend, _ handling: String) async throws {
    let server = try ServerProcess("processes-shared", ["--children", handling], backend)
    var workers: Set<pid_t> = []
    for _ in 0..<3 {
      let killed = workers
      // A look at the children may miss one while another one is reaped. proc(5)
      try await eventually("the workers are not replaced") {
        workers = server.children
        return workers.count == 2 && workers.isDisjoint(with: killed)
      }
      for worker in workers { kill(worker, SIGKILL) }
    }
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test(arguments: handlings)
  func aProcessForEachConnectionEndsWhateverHappensToItsStatus(_ backend: Backend, _ handling: String) async throws {
    let server = try ServerProcess("process-per-connection", ["--number", "1", "--children", handling], backend)
    try await onServerLoop {
      for number in 0..<4 {
        let client = try await ServerClient.connect(to: server)
        #expect(try await client.ask("\(number)") == "\(number)")
        await client.close()
      }
    }
    try await eventually("a process is left") { server.children.isEmpty }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test
  func aChildThatSomebodyElseHasReapedIsAnErrorAndNobodyIsKilled() throws {
    var number: pid_t = 0
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    defer { free(words[0]) }
    try #require(posix_spawnp(&number, "true", nil, nil, &words, environ) == 0)
    let child = try ChildDescriptor(of: number)
    defer { child.close() }
    #expect(waitpid(number, nil, 0) == number)
    #expect(child.reap() == -ECHILD)
    let error = #expect(throws: Errno.self) { try ChildDescriptor(of: number) }
    #expect(error?.rawValue == ESRCH)
  }

  // MARK: Signals

  /// As `kill -HUP` to a group, `killall`, and a terminal that goes away send it.
  @Test(arguments: WorkerTests.combinations)
  func aHangUpOfTheWholeGroupEndsNoConnection(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--drain", "60"], backend)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("before") == "before")
      let generation = server.children
      server.signalGroup(SIGHUP)
      // It is a reload, once all of the next generation are there.
      try await eventually("nothing is reloaded") { server.children.subtracting(generation).count == 2 }
      #expect(try await client.ask("after") == "after")
      await client.close()
      try await eventually("the old workers stay") { server.children.isDisjoint(with: generation) }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Whoever comes while a group is signalled has a process that does not serve yet.
  @Test(arguments: Backends.available)
  func aHangUpOfTheWholeGroupEndsNoProcessThatJustStarts(_ backend: Backend) async throws {
    let stall = Stall()
    let server = try ServerProcess("process-per-connection", stall.option, backend)
    try await onServerLoop {
      for number in 0..<8 {
        stall.begin()
        let client = try await ServerClient.connect(to: server)
        try await eventually("no process is started") { server.children.count == 1 }
        server.signalGroup(SIGHUP)
        try await client.connection.send("\(number)\n")
        stall.end()
        #expect((try? await client.answer()) == "\(number)")
        await client.close()
        try await eventually("the process does not end") { server.children.isEmpty }
      }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test(arguments: WorkerTests.combinations)
  func aHangUpOfTheWholeGroupEndsNoWorkerThatJustStarts(_ backend: Backend, _ pattern: String) async throws {
    let (stall, log) = (Stall(), "/tmp/gyre-log-\(getpid())")
    defer { unlink(log) }
    let server = try ServerProcess(pattern, stall.option, backend, log: log)
    let generation = server.children
    stall.begin()
    server.signal(SIGHUP)
    try await eventually("nothing is reloaded") { server.children.count == 4 }
    let starting = server.children.subtracting(generation)
    for _ in 0..<3 { server.signalGroup(SIGHUP) }
    stall.end()
    // Once they are ready, they are replaced as well: the group's signal is another reload.
    try await eventually("the reload does not go on") {
      server.children.count == 2 && server.children.isDisjoint(with: generation.union(starting))
    }
    #expect(!ServerProcess.contents(of: log).contains("ended with"), "\(ServerProcess.contents(of: log))")
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// What keeps SIGHUP from a worker that starts is not passed on, whether a program is started before the worker serves or later.
  @Test(arguments: Backends.available, ["processes-shared", "process-per-connection"])
  func noProgramThatAWorkerStartsInheritsThatHangUpsArePassedOver(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--helper"], backend)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      let worker = try await client.executor().process
      #expect(try !ServerProcess.has(SIGHUP, in: "SigBlk", of: worker))
      let helper = try #require(ServerProcess.children(of: worker).first)
      #expect(try !ServerProcess.has(SIGHUP, in: "SigIgn", of: helper))
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  private func expectTheSecondSignalToEnd(_ server: ServerProcess, _ target: pid_t, _ signal: Int32) async throws {
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      kill(target, signal)
      let isOver = Shared(false)
      let sending = Task {
        // The second one counts when it is no echo of the first.
        while !isOver.value {
          try await Task.sleep(for: .milliseconds(50))
          if !isOver.value { kill(target, signal) }
        }
      }
      // The end of the stream or a reset: the process cannot say which.
      #expect((try? await client.answer()) == nil)
      isOver.update { $0 = true }
      _ = await sending.result
      await client.close()
    }
    #expect(try server.ending() == 128 + signal)
  }

  /// The fixture's `main` is async: its server starts from a thread that has Dispatch's signals blocked.
  @Test(
    arguments: Backends.available.flatMap { backend in ["single", "reusePort", "sharedListener"].map { (backend, $0) } }
  )
  func aSecondSignalEndsAServer(_ backend: Backend, _ pattern: String) async throws {
    for signal in [SIGTERM, SIGINT] {
      let server = try ServerProcess(pattern, ["--drain", "60"], backend)
      try await expectTheSecondSignalToEnd(server, server.number, signal)
    }
  }

  /// The kernel lets no default action end the first process of a container.
  @Test(.enabled(if: Namespaces.areAllowed, "the machine lets nobody make a namespace"), arguments: Backends.available)
  func aSecondSignalEndsTheFirstProcessOfAContainer(_ backend: Backend) async throws {
    let server = try ServerProcess("single", ["--drain", "60"], backend, prelude: "set -- unshare --pid --fork \"$@\"")
    let first = try #require(server.children.first)
    try await expectTheSecondSignalToEnd(server, first, SIGTERM)
  }

  @Test(arguments: Backends.available)
  func aSecondSignalEndsWorkersAtOnce(_ backend: Backend) async throws {
    let server = try ServerProcess("processes-shared", ["--drain", "60"], backend, prelude: "trap '' HUP")
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      let sending = Task {
        while !Task.isCancelled {
          server.signal(SIGTERM)
          try await Task.sleep(for: .milliseconds(50))
        }
      }
      #expect((try? await client.answer()) == nil)
      sending.cancel()
      await client.close()
    }
    #expect(try server.ending() == 0)
  }

  /// A program may do both: its own shutdown, and what a service manager sends.
  @Test(
    arguments: Backends.available.flatMap { backend in
      ["sharedListener", "processes-shared", "process-per-connection"].map { (backend, $0) }
    },
    [true, false]
  )
  func drainingIsNoSignal(_ of: (Backend, String), _ isSignalFirst: Bool) async throws {
    let file = "/tmp/gyre-drain-\(getpid())"
    defer { unlink(file) }
    let server = try ServerProcess(of.1, ["--drain", "60", "--drain-file", file], of.0)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      if isSignalFirst { server.signal(SIGTERM) } else { try await drain(file) }
      // A second signal counts when it is no echo of the first.
      let end = ContinuousClock.now + .milliseconds(1200)
      while ContinuousClock.now < end { #expect(try await client.ask("draining") == "draining") }
      if isSignalFirst { try await drain(file) } else { server.signal(SIGTERM) }
      let later = ContinuousClock.now + .milliseconds(200)
      while ContinuousClock.now < later { try #require(try await client.ask("still here") == "still here") }
      await client.close()
    }
    #expect(try server.ending() == 0)
  }

  private func drain(_ file: String) async throws {
    close(open(file, O_CREAT | O_WRONLY, 0o600))
    try await eventually("the server does not drain itself") { access(file, F_OK) != 0 }
  }

  // MARK: Whose worker a process is

  /// A worker tells nobody that it is one.
  @Test(arguments: Backends.available)
  func aWorkersVariableIsNotInherited(_ backend: Backend) async throws {
    let server = try ServerProcess("processes-shared", [], backend)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("variable") == "none")
      await client.close()
    }
  }

  /// A server that a thread started which ends, with the variable of some other worker: it outlives the thread.
  @Test(arguments: Backends.available, ["1", "\(getpid())", "4194304"])
  func somebodyElsesVariableMakesNoWorker(_ backend: Backend, _ supervisor: String) async throws {
    let server = try await withUnsafeContinuation { continuation in
      let failure = Thread.start(name: "starter") {
        continuation.resume(
          returning: Result {
            try ServerProcess("processes-shared", [], backend, environment: ["GYRE_WORKER=\(supervisor):listeners:1:7"])
          }
        )
      }
      if let failure { continuation.resume(returning: .failure(failure)) }
    }.get()
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      await client.close()
      // Its supervisor is the process that was started, which takes reloads.
      let generation = server.children
      server.signal(SIGHUP)
      try await eventually("nothing is reloaded") {
        server.children.count >= 2 && server.children.isDisjoint(with: generation)
      }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Their workers could not tell whose they are, and each would start the other's again.
  @Test(arguments: Backends.available)
  func aSecondServerOfSeveralProcessesIsRefused(_ backend: Backend) async throws {
    let log = "/tmp/gyre-log-\(getpid())"
    defer { unlink(log) }
    let server = try ServerProcess("processes-shared", ["--second"], backend, log: log)
    let refusal = "this program runs a server of several processes already"
    try await eventually("the supervisor refuses nothing") {
      ServerProcess.contents(of: log).contains("second: \(refusal)")
    }
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("second")?.hasPrefix(refusal) == true)
      await client.close()
    }
    #expect(server.children.count == 2)
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Its handler holds the loop, so that it does not drain: the kernel ends it.
  @Test(arguments: Backends.available)
  func aWorkerThatIsStuckEndsSoonAfterItsSupervisor(_ backend: Backend) async throws {
    let server = try ServerProcess("processes-shared", ["--drain", "0.1"], backend)
    let workers = server.children
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      try await client.connection.send("work 1000000\n")
      server.signal(SIGKILL)
      #expect((try? await client.answer()) == nil)
      await client.close()
    }
    #expect(try server.ending() == 128 + SIGKILL)
    try await eventually("a worker outlived its supervisor") { workers.allSatisfy { kill($0, 0) != 0 } }
  }

  // MARK: Limits

  /// During a reload there are twice as many workers, each with more than one descriptor of the supervisor's.
  @Test(arguments: Backends.available)
  func aReloadUnderASmallLimitOfDescriptorsReplacesEveryWorker(_ backend: Backend) async throws {
    let (server, limit) = try withLeastLimit("processes-shared", ["--number", "17", "--drain", "1"], backend)
    #expect(limit < 80)
    let generation = server.children
    #expect(generation.count == 17)
    server.signal(SIGHUP)
    try await eventually("not every worker was replaced") {
      server.children.count == 17 && server.children.isDisjoint(with: generation)
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// A worker that starts takes a copy of each of its sockets: where they find no numbers, the limit is too low from the start.
  @Test(arguments: Backends.available)
  func theLeastLimitOfDescriptorsIsEnoughForAReload(_ backend: Backend) async throws {
    var listening: [Int32] = []
    defer { for socket in listening { close(socket) } }
    for _ in 0..<20 { listening.append(try TCPListener.listen(on: .loopback(port: 0), TCPListener.Options())) }
    let (server, limit) = try withLeastLimit("processes-shared", ["--number", "1"], backend, listening)
    #expect(limit > 40, "so few are enough")
    let generation = server.children
    server.signal(SIGHUP)
    try await eventually("the worker was not replaced with a limit of \(limit)") {
      server.children.count == 1 && server.children.isDisjoint(with: generation)
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// A worker that drains keeps a descriptor beside those of the next one, for as long as its last client stays.
  @Test(arguments: Backends.available)
  func theLeastLimitOfDescriptorsIsEnoughForAllWorkersToDrainByThemselves(_ backend: Backend) async throws {
    let count = 20
    let options = ["--number", "\(count)", "--drain", "60"]
    let (server, limit) = try withLeastLimit("processes-reuseport", options, backend)
    try await onServerLoop {
      let generation = server.children
      let held = try await ServerClient.connectToEach(of: count, server)
      for worker in generation { kill(worker, SIGTERM) }
      try await eventually("not every worker was replaced with a limit of \(limit)") {
        server.children.count == 2 * count
      }
      // All of the next ones serve, as well as all of the old ones.
      let next = try await ServerClient.connectToEach(of: count, server)
      #expect(generation.isDisjoint(with: next.keys))
      for client in held.values { #expect(try await client.ask("still here") == "still here") }
      for client in [held, next].flatMap(\.values) { await client.close() }
      try await eventually("the old workers stay") { server.children == Set(next.keys) }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// A server that has just as many descriptors as it asks for. That number changes from start to start, because other
  /// threads of the fixture open files meanwhile.
  private func withLeastLimit(
    _ pattern: String,
    _ arguments: [String],
    _ backend: Backend,
    _ listening: [Int32] = []
  ) throws -> (ServerProcess, limit: Int) {
    var limit = 40
    while true {
      let prelude = "ulimit -n \(limit)"
      switch ServerProcess.tryStarting(pattern, arguments, backend, listening: listening, prelude: prelude) {
      case .success(let server): return (server, limit)
      case .failure(let refusal):
        let least = try /take (\d+) open files/.firstMatch(in: refusal.description).flatMap { Int($0.output.1) }
        let next = try #require(least, "\(refusal)")
        try #require(next > limit, "\(refusal)")
        limit = next
      }
    }
  }

  /// What there is already goes on, and what is missing comes when the limit allows it.
  @Test(arguments: Backends.available)
  func aLimitThatIsLoweredMeanwhileDeafensNoSupervisor(_ backend: Backend) async throws {
    let server = try ServerProcess("processes-shared", ["--number", "8"], backend)
    let workers = server.children
    let victim = try #require(workers.first)
    try await server.limitDescriptors(to: 10)
    kill(victim, SIGKILL)
    try await eventually("the worker is not reaped") { !server.children.contains(victim) }
    #expect(server.children == workers.subtracting([victim]))
    try await server.limitDescriptors(to: 1024)
    try await eventually("the worker is not replaced") { server.children.count == 8 }
    try await server.limitDescriptors(to: 10)
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Whatever the step at which the descriptors run out.
  @Test(arguments: Backends.available)
  func aConnectionWaitsWhileNoProcessCanBeStartedForIt(_ backend: Backend) async throws {
    let server = try ServerProcess("process-per-connection", ["--number", "4"], backend)
    try await onServerLoop {
      // What is opened at the first use.
      let first = try await ServerClient.connect(to: server)
      #expect(try await first.ask("first") == "first")
      await first.close()
      try await eventually("the process does not end") { server.children.isEmpty }
      let used = server.highestDescriptor + 1
      for limit in used...used + 8 {
        try await server.limitDescriptors(to: limit)
        let client = try await ServerClient.connect(to: server)
        async let answer = client.ask("\(limit)")
        try await Task.sleep(for: .milliseconds(20))
        try await server.limitDescriptors(to: 1024)
        #expect(try await answer == "\(limit)")
        await client.close()
        try await eventually("the process does not end") { server.children.isEmpty }
        #expect(server.highestDescriptor + 1 == used, "a descriptor leaked at a limit of \(limit)")
      }
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// What descriptors are short for waits in the kernel's queue for as long as the drain lasts.
  @Test(
    arguments: Backends.available.flatMap { backend in
      ["single", "acceptor", "process-per-connection"].map { (backend, $0) }
    }
  )
  func aDrainUnderAShortageOfDescriptorsServesWhatHasCome(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--drain", "60"], backend)
    try await onServerLoop {
      // What is opened at the first use.
      let first = try await ServerClient.connect(to: server)
      #expect(try await first.ask("first") == "first")
      await first.close()
      try await eventually("the process does not end") { server.children.isEmpty }
      try await server.limitDescriptors(to: server.highestDescriptor + 1 + 11)
      var clients: [ServerClient] = []
      for number in 0..<40 {
        let client = try await ServerClient.connect(to: server)
        try await client.connection.send("\(number)\n")
        clients.append(client)
      }
      server.signal(SIGTERM)
      for (number, client) in clients.enumerated() {
        #expect(try await client.answer() == "\(number)")
        await client.close()
      }
    }
    #expect(try server.ending() == 0)
  }

  /// Once, however often accepting is tried. The pattern accepts into ordinary descriptors on each backend.
  @Test(arguments: Backends.available)
  func aServerThatCannotAcceptForWantOfDescriptorsSaysSo(_ backend: Backend) async throws {
    let log = "/tmp/gyre-log-\(getpid())"
    defer { unlink(log) }
    let server = try ServerProcess("acceptor", [], backend, prelude: "ulimit -n 64", log: log)
    let warning = "warning gyre.listener:"
    try await onServerLoop {
      var clients: [ServerClient] = []
      for _ in 0..<80 { clients.append(try await ServerClient.connect(to: server)) }
      try await eventually("nothing is logged") { ServerProcess.contents(of: log).contains(warning) }
      // Each end of a connection has the next one accepted, and the one after it wait again.
      for (number, client) in clients.enumerated() {
        #expect(try await client.ask("\(number)") == "\(number)")
        await client.close()
      }
    }
    let lines = ServerProcess.contents(of: log).split(separator: "\n").filter { $0.contains(warning) }
    #expect(lines.count == 1, "\(lines)")
    for text in ["\(server.address): connections wait", "EMFILE", "ulimit -n"] {
      #expect(lines.first?.contains(text) == true)
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test
  func aMemoryLimitThatNoLoopFitsInIsRefused() throws {
    var options = Server.Options()
    options.workerMemoryLimit = 192 << 20
    _ = try Server(address: .loopback(port: 0), options: options)
    options.workerMemoryLimit = (192 << 20) - 1
    let error = #expect(throws: ConfigurationError.self) { try Server(address: .loopback(port: 0), options: options) }
    #expect(error?.description.contains("buffers alone are 134217728 bytes: use 201326592 or more") == true)
    options.loop.bufferCount = 256
    _ = try Server(address: .loopback(port: 0), options: options)
  }

  /// The least that is accepted is enough.
  @Test(
    .disabled(if: Sanitizer.isOn, Sanitizer.keepsMemory),
    arguments: Backends.available.flatMap { backend in
      ["processes-shared", "process-per-connection"].map { (backend, $0) }
    }
  )
  func aWorkerStartsWithTheLeastMemory(_ backend: Backend, _ pattern: String) async throws {
    let server = try ServerProcess(pattern, ["--memory", "\(68 << 20)"], backend)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test
  func moreProcessesThanTheLimitAllowsAreRefused() async throws {
    let limit = ResourceLimits.descriptors
    try ResourceLimits.requireDescriptors(for: 1, "workers", beside: STDIN_FILENO)
    let error = #expect(throws: ConfigurationError.self) {
      try ResourceLimits.requireDescriptors(for: limit, "workers", beside: STDIN_FILENO)
    }
    #expect(error?.description.contains("and the limit is \(limit): raise it (`ulimit -n`) or have fewer") == true)
  }

  /// With that limit it would be the same again, if those that are open were not counted.
  @Test
  func theNumberThatIsAskedForCountsWhatIsOpenAlsoWhereNoneIsFree() throws {
    let shortage = try DescriptorShortage()
    defer { shortage.end() }
    let limit = ResourceLimits.descriptors
    let error = #expect(throws: ConfigurationError.self) {
      try ResourceLimits.requireDescriptors(for: 2, "workers", each: 3, beside: STDIN_FILENO)
    }
    let needed = limit + 2 * 3 + 1 + ResourceLimits.spareDescriptors
    #expect(error?.description.contains("2 workers take \(needed) open files and the limit is \(limit)") == true)
  }

  // MARK: Starting

  /// As an upgrade replaces it.
  @Test(arguments: Backends.available)
  func aProgramFileThatIsReplacedBeforeTheFirstConnectionIsFound(_ backend: Backend) async throws {
    let program = ServerProcess.path + "-\(getpid())"
    defer { unlink(program) }
    try #require(link(ServerProcess.path, program) == 0)
    let server = try ServerProcess("process-per-connection", [], backend, program: program)
    try #require(unlink(program) == 0 && link(ServerProcess.path, program) == 0)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(try await client.ask("here") == "here")
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// As a package that is taken away leaves it.
  @Test(arguments: Backends.available, ["processes-shared", "process-per-connection"])
  func aProgramFileThatIsGoneIsNamed(_ backend: Backend, _ pattern: String) async throws {
    let (program, log) = (ServerProcess.path + "-\(getpid())", "/tmp/gyre-log-\(getpid())")
    defer { for file in [program, log] { unlink(file) } }
    try #require(link(ServerProcess.path, program) == 0)
    let server = try ServerProcess(pattern, [], backend, program: program, log: log)
    try #require(unlink(program) == 0)
    try await onServerLoop {
      if let worker = server.children.first { kill(worker, SIGKILL) }
      let client = try await ServerClient.connect(to: server)
      try await eventually("the file is not named") {
        ServerProcess.contents(of: log).contains("started from \(program): ENOENT")
          || ServerProcess.contents(of: log).contains("started for it from \(program): ENOENT")
      }
      await client.close()
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  @Test(arguments: Backends.available)
  func aWorkerThatIsNotReadyInTimeIsKilledAndTheReloadGoesOn(_ backend: Backend) async throws {
    let (stall, log) = (Stall(), "/tmp/gyre-log-\(getpid())")
    defer { unlink(log) }
    let server = try ServerProcess("processes-shared", stall.option + ["--start", "0.5"], backend, log: log)
    let generation = server.children
    stall.begin()
    server.signal(SIGHUP)
    // Counts as well: it is made good when the first is through.
    server.signal(SIGHUP)
    try await eventually("nothing is logged") {
      ServerProcess.contents(of: log).contains("is killed: it was not ready within 0.5 seconds")
    }
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      #expect(generation.contains(try await client.executor().process))
      await client.close()
    }
    stall.end()
    try await eventually("the reload does not go on") {
      server.children.count == 2 && server.children.isDisjoint(with: generation)
    }
    server.signal(SIGTERM)
    #expect(try server.ending() == 0)
  }

  /// Its worker has died, and the next one just starts: to wait for it is all that serves them.
  @Test(arguments: WorkerTests.combinations, [true, false])
  func aDrainServesWhatWaitsForAWorkerThatStarts(_ of: (Backend, String), _ isGroupSignalled: Bool) async throws {
    let stall = Stall()
    let manager = try NotifySocket()
    let server = try ServerProcess(
      of.1,
      stall.option + ["--number", "1", "--drain", "30"],
      of.0,
      environment: ["NOTIFY_SOCKET=\(manager.path)"]
    )
    #expect(try manager.next() == "READY=1")
    let worker = try #require(server.children.first)
    stall.begin()
    kill(worker, SIGKILL)
    try await eventually("no worker is started") { server.children.count == 1 && !server.children.contains(worker) }
    try await onServerLoop {
      var waiting: [ServerClient] = []
      for number in 0..<3 {
        let client = try await ServerClient.connect(to: server)
        try await client.connection.send("\(number)\n")
        waiting.append(client)
      }
      // To the group, it ends the one that starts: another one takes its place.
      if isGroupSignalled { server.signalGroup(SIGTERM) } else { server.signal(SIGTERM) }
      #expect(try manager.next() == "STOPPING=1")
      stall.end()
      for (number, client) in waiting.enumerated() {
        #expect(try await client.answer() == "\(number)")
        await client.close()
      }
    }
    #expect(try server.ending() == 0)
  }

  /// A worker may be dying when the drain begins, or die before it has accepted what waits: somebody else serves it.
  @Test(arguments: WorkerTests.combinations, [true, false])
  func aDrainServesWhatADyingWorkerLeaves(_ of: (Backend, String), _ isFirst: Bool) async throws {
    let manager = try NotifySocket()
    let server = try ServerProcess(
      of.1,
      ["--number", "1", "--drain", "30"],
      of.0,
      environment: ["NOTIFY_SOCKET=\(manager.path)"]
    )
    #expect(try manager.next() == "READY=1")
    let worker = try #require(server.children.first)
    // It accepts nothing more.
    kill(worker, SIGSTOP)
    try await onServerLoop {
      var waiting: [ServerClient] = []
      for number in 0..<5 {
        let client = try await ServerClient.connect(to: server)
        try await client.connection.send("\(number)\n")
        waiting.append(client)
      }
      if isFirst { kill(worker, SIGKILL) }
      server.signal(SIGTERM)
      #expect(try manager.next() == "STOPPING=1")
      if !isFirst { kill(worker, SIGKILL) }
      for (number, client) in waiting.enumerated() {
        // One may have been accepted by the worker that died.
        let answer = try? await client.answer()
        #expect(answer == "\(number)" || (number == 0 && answer == nil))
        await client.close()
      }
    }
    #expect(try server.ending() == 0)
  }

  /// A worker that never gets ready keeps a drain no longer than it may take.
  @Test(arguments: Backends.available)
  func aDrainWaitsNoLongerThanItsTimeForAWorkerThatStarts(_ backend: Backend) async throws {
    let stall = Stall()
    let server = try ServerProcess("processes-shared", stall.option + ["--number", "1", "--drain", "0.1"], backend)
    let worker = try #require(server.children.first)
    stall.begin()
    kill(worker, SIGKILL)
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      server.signal(SIGTERM)
      #expect((try? await client.ask("late")) == nil)
      await client.close()
    }
    #expect(try server.ending() == 0)
  }

  /// SIGTERM would end a process that has not begun to serve, and its connection.
  @Test(arguments: Backends.available)
  func aDrainWaitsForAProcessThatJustStarts(_ backend: Backend) async throws {
    let stall = Stall()
    let server = try ServerProcess("process-per-connection", stall.option + ["--drain", "30"], backend)
    stall.begin()
    try await onServerLoop {
      let client = try await ServerClient.connect(to: server)
      try await eventually("no process is started") { server.children.count == 1 }
      server.signal(SIGTERM)
      try await client.connection.send("drained\n")
      stall.end()
      #expect(try await client.answer() == "drained")
      await client.close()
    }
    #expect(try server.ending() == 0)
  }
}
