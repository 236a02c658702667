import Dispatch
import Glibc
import Gyre
import Synchronization

/// What can go on around the main thread: `main-thread SCENE BACKEND LOOPS`. A line a fact, `name=value`.
struct Scenes {
  let loops: Int
  let configuration: EventLoop.Configuration

  static func say(_ name: String, _ value: some CustomStringConvertible) {
    print("\(name)=\(value)")
    fflush(nil)
  }

  @MainActor func play(_ name: String) throws {
    switch name {
    case "main-queue": try EventLoop.run(configuration) { try await Scenes.useMainQueue() }
    case "program-main-queue":
      try GlobalExecutor.run(loops: loops, configuration) { try await Scenes.useMainQueue() }
    case "sleeper": try leaveSleeper()
    case "clean-up": try cleanUp()
    case "straggler": try leaveMainActorJobs()
    case "failed-install": failToInstall()
    case "fork": try forkTwice()
    default: Scenes.say("unknown", name)
    }
  }

  // MARK: The main queue

  @MainActor private static var count = 0

  /// The main actor, Dispatch's main queue, and both under load.
  @Sendable private static func useMainQueue() async throws {
    say("main-actor", await MainActor.run { isMainThread })
    say(
      "block",
      await withUnsafeContinuation { done in DispatchQueue.main.async { done.resume(returning: isMainThread) } }
    )
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 { group.addTask { for _ in 0..<100 { await add() } } }
    }
    say("count", await MainActor.run { count })
    // A block that posts the next one, for as long as it is not stopped, stops nobody else.
    let isOver = Atomic<Bool>(false)
    postForEver { isOver.load(ordering: .relaxed) }
    try await EventLoop.current?.sleep(for: .milliseconds(20))
    isOver.store(true, ordering: .relaxed)
    say("endless", "passed")
  }

  @MainActor private static func add() { count += 1 }

  private static func postForEver(until isOver: @escaping @Sendable () -> Bool) {
    DispatchQueue.main.async { if !isOver() { postForEver(until: isOver) } }
  }

  private static var isMainThread: Bool {
    let link = String(unsafeUninitializedCapacity: 64) { bytes in
      bytes.withMemoryRebound(to: CChar.self) { max(readlink("/proc/thread-self", $0.baseAddress!, $0.count), 0) }
    }
    return link.split(separator: "/").last.map(String.init) == "\(getpid())"
  }

  // MARK: The end of a program

  /// A task that sleeps now and then is left behind.
  private func leaveSleeper() throws {
    let wakes = Counter()
    try GlobalExecutor.run(loops: loops, configuration) {
      Task.detached {
        while !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(50))
          wakes.add()
        }
      }
      try await Task.sleep(for: .milliseconds(200))
    }
    let atEnd = wakes.value
    usleep(400_000)
    Scenes.say("woke-before", atEnd >= 1 && atEnd <= 10)
    Scenes.say("goes-on", wakes.value > atEnd && wakes.value <= 30)
  }

  /// Some task stops the loops while the body still has something to do.
  private func cleanUp() throws {
    let saved = try GlobalExecutor.run(loops: loops, configuration) {
      let loop = EventLoop.current!
      Task { loop.stop() }
      do { try await loop.sleep(for: .seconds(1000)) } catch {}
      let saved = try await blocking {
        usleep(20_000)
        return "saved"
      }
      try await Task.sleep(for: .milliseconds(5))
      return await MainActor.run { saved }
    }
    Scenes.say("saved", saved)
  }

  /// Jobs of the main actor that become ready when `run` has returned.
  @MainActor private static var isInside = false
  @MainActor private static var left: [UnsafeContinuation<Void, Never>] = []

  @MainActor private func leaveMainActorJobs() throws {
    let ran = Counter()
    try GlobalExecutor.run(loops: loops, configuration) {
      for _ in 0..<10 {
        Task { @MainActor in
          await withUnsafeContinuation { Scenes.left.append($0) }
          Scenes.isInside = true
          usleep(5000)
          Scenes.isInside = false
          ran.add()
        }
      }
      while await MainActor.run(body: { Scenes.left.count }) < 10 { await Task.yield() }
    }
    for job in Scenes.left { job.resume() }
    var overlaps = 0
    for _ in 0..<100 {
      usleep(1000)
      if Scenes.isInside { overlaps += 1 }
    }
    Scenes.say("overlaps", overlaps)
    Scenes.say("ran-meanwhile", ran.value)
    // Whoever runs the main queue on this thread runs them.
    try EventLoop.run(configuration) { while ran.value < 10 { try await Task.sleep(for: .milliseconds(1)) } }
    Scenes.say("ran", ran.value)
  }

  // MARK: What goes wrong

  /// Descriptors are short when the second or third loop is made.
  private func failToInstall() {
    _ = Scenes.openDescriptors
    let before = Scenes.openDescriptors
    for extra in 1..<8 {
      var limit = rlimit(rlim_cur: rlim_t(before + 3 + extra), rlim_max: 4096)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      do {
        try GlobalExecutor.run(loops: 32, configuration) {}
        Scenes.say("installed", extra)
      } catch {}
      limit.rlim_cur = 4096
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    // A loop's thread lets go of it a moment after its end.
    for _ in 0..<1000 where Scenes.openDescriptors > before { usleep(1000) }
    Scenes.say("left-open", Scenes.openDescriptors - before)
  }

  private static var openDescriptors: Int { (0..<Int32(1024)).count { fcntl($0, F_GETFD) >= 0 } }

  /// A child of a fork runs a loop, and forks.
  private func forkTwice() throws {
    let configuration = configuration
    let status = try EventLoop.run(configuration) {
      let child = try ForkedChild.start {
        let inner = try? EventLoop.run(configuration) { try await ForkedChild.start { 7 }.exit() }
        return inner == .exited(7) ? 7 : 1
      }
      return try await child.exit()
    }
    Scenes.say("grandchild", status)
  }
}

/// Counts, from any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int { count.load(ordering: .relaxed) }

  func add() { count.add(1, ordering: .relaxed) }
}
